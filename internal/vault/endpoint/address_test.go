package endpoint

import (
	"testing"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/kek"
)

func publicCloud(t *testing.T, suffixes ...string) azure.Cloud {
	t.Helper()
	c, err := azure.FindCloud("public", azure.CloudOptions{VaultSuffixes: suffixes})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse(t *testing.T) {
	cloud := publicCloud(t, ".vault.corp.example")
	for in, want := range map[string]struct {
		allow        Allow
		url, service string
		relaxed      bool
	}{
		"https://contoso.vault.azure.net":             {Allow{Cloud: cloud}, "https://contoso.vault.azure.net", kek.ServiceVault, false},
		"HTTPS://Contoso.Vault.Azure.Net:443/":        {Allow{Cloud: cloud}, "https://contoso.vault.azure.net", kek.ServiceVault, false},
		"https://contoso.managedhsm.azure.net/":       {Allow{Cloud: cloud}, "https://contoso.managedhsm.azure.net", kek.ServiceManagedHSM, false},
		"https://contoso.vault.corp.example":          {Allow{Cloud: cloud}, "https://contoso.vault.corp.example", kek.ServiceVault, false},
		"https://standard.vault.azure.net":            {Allow{Cloud: cloud, TestVault: true}, "https://standard.vault.azure.net", kek.ServiceVault, false},
		"https://localhost:8443":                      {Allow{Cloud: cloud, Rehearsal: true}, "https://localhost:8443", "", true},
		"https://127.0.0.1:8443":                      {Allow{Cloud: cloud, Rehearsal: true}, "https://127.0.0.1:8443", "", true},
		"https://emulator:4997":                       {Allow{Cloud: cloud, TestVault: true}, "https://emulator:4997", "", true},
		"https://standard-8443.vault.azure.net:8443/": {Allow{Cloud: cloud, TestVault: true}, "https://standard-8443.vault.azure.net:8443", "", true},
	} {
		a, err := Parse(in, want.allow)
		if err != nil || a.String() != want.url || a.Service() != want.service || (a.rehearsal || a.test) != want.relaxed {
			t.Errorf("%s: %+v, %v", in, a, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	cloud := publicCloud(t)
	const usual = "--vault https://contoso.vault.azure.net"
	const test = "--rehearsal DIR, or --test-vault"
	const name = ": a vault's name has 3 to 24 letters, digits and hyphens, no hyphen at either end"
	for in, want := range map[string]struct {
		allow      Allow
		code       exitcode.Code
		text, hint string
	}{
		"":                                 {Allow{}, exitcode.Usage, `vault "": not an address with https://`, usual},
		"fabrikam":                         {Allow{}, exitcode.Usage, `vault "fabrikam": not an address with https://`, "--vault https://fabrikam.vault.azure.net"},
		"fabrikam.vault.azure.net":         {Allow{}, exitcode.Usage, `vault "fabrikam.vault.azure.net": not an address with https://`, usual},
		"https:fabrikam":                   {Allow{}, exitcode.Usage, `vault "https:fabrikam": not an address with https://`, usual},
		"https://[::1":                     {Allow{}, exitcode.Usage, `vault "https://[::1": not an address with https://`, usual},
		"http://contoso.vault.azure.net":   {Allow{}, exitcode.Usage, `vault "http://contoso.vault.azure.net": a token is sent only over https`, usual},
		"https://u:p@c.vault.azure.net":    {Allow{}, exitcode.Usage, `vault: its address contains a user name or password`, ""},
		"https://a.vault.azure.net/keys":   {Allow{}, exitcode.Usage, `vault "https://a.vault.azure.net/keys": more than a host in its address`, "--vault https://a.vault.azure.net"},
		"https://a$(id)/x":                 {Allow{}, exitcode.Usage, `vault "https://a$(id)/x": more than a host in its address`, "--vault 'https://a$(id)'"},
		"https://a.vault.azure.net?":       {Allow{}, exitcode.Usage, `vault "https://a.vault.azure.net?": more than a host in its address`, "--vault https://a.vault.azure.net"},
		"https://a.vault.azure.net/#":      {Allow{}, exitcode.Usage, `vault "https://a.vault.azure.net/#": more than a host in its address`, "--vault https://a.vault.azure.net"},
		"https://a_b.vault.azure.net":      {Allow{}, exitcode.Usage, `vault "https://a_b.vault.azure.net"` + name, usual},
		"https://contoso-.vault.azure.net": {Allow{}, exitcode.Usage, `vault "https://contoso-.vault.azure.net"` + name, usual},
		"https://co.managedhsm.azure.net":  {Allow{}, exitcode.Usage, `vault "https://co.managedhsm.azure.net"` + name, usual},
		"https://a_b.example":              {Allow{}, exitcode.Usage, `vault "https://a_b.example": not a host and port`, usual},
		"https://contoso.vault.usgovcloudapi.net": {Allow{}, exitcode.Usage, "vault https://contoso.vault.usgovcloudapi.net: not a vault of AzurePublic, where names end in .vault.azure.net or .managedhsm.azure.net",
			"--cloud usgov"},
		"https://contoso.vault.azure.net:":     {Allow{}, exitcode.Usage, `vault "https://contoso.vault.azure.net:": not a host and port`, usual},
		"https://[::1]:8443":                   {Allow{Rehearsal: true}, exitcode.Usage, `vault "https://[::1]:8443": not a host and port`, usual},
		"https://contoso.vault.azure.net:8443": {Allow{}, exitcode.Usage, "vault https://contoso.vault.azure.net:8443: a port other than 443 is for rehearsals and test vaults", test},
		"https://localhost":                    {Allow{}, exitcode.Usage, "vault https://localhost: this computer is for rehearsals and test vaults", test},
		"https://127.1.2.3":                    {Allow{}, exitcode.Usage, "vault https://127.1.2.3: this computer is for rehearsals and test vaults", test},
		"https://contoso.privatelink.vaultcore.azure.net": {Allow{}, exitcode.Usage, "vault https://contoso.privatelink.vaultcore.azure.net: the name of a private endpoint, not of the vault",
			"use the vault's own name, which leads to the private endpoint inside its network"},
		"https://contoso.blob.core.windows.net": {Allow{}, exitcode.Usage, "vault https://contoso.blob.core.windows.net: not a vault of AzurePublic, where names end in .vault.azure.net or .managedhsm.azure.net",
			"--cloud for another cloud, --vault-suffix for a private one"},
		"https://vault.azure.net": {Allow{}, exitcode.Usage, "vault https://vault.azure.net: not a vault of AzurePublic, where names end in .vault.azure.net or .managedhsm.azure.net",
			"--cloud for another cloud, --vault-suffix for a private one"},
		"https://a.b.vault.azure.net": {Allow{}, exitcode.Usage, "vault https://a.b.vault.azure.net: not a vault of AzurePublic, where names end in .vault.azure.net or .managedhsm.azure.net",
			"--cloud for another cloud, --vault-suffix for a private one"},
		"https://evil.example/.vault.azure.net": {Allow{}, exitcode.Usage, `vault "https://evil.example/.vault.azure.net": more than a host in its address`, "--vault https://evil.example"},
		"https://fabrikam.vault.azure.net:443":  {Allow{Rehearsal: true}, exitcode.Refused, "vault https://fabrikam.vault.azure.net: a rehearsal talks only to this computer", ""},
	} {
		want.allow.Cloud = cloud
		_, err := Parse(in, want.allow)
		if err == nil || err.Error() != want.text || exitcode.Of(err) != want.code || exitcode.HintOf(err) != want.hint {
			t.Errorf("%q: status %d: %v (hint %q), want %d: %s (hint %q)",
				in, exitcode.Of(err), err, exitcode.HintOf(err), want.code, want.text, want.hint)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("https://contoso.vault.azure.net/")
	f.Add("https://localhost:8443")
	f.Add("https://CONTOSO.managedhsm.azure.net:443")
	f.Add("https://u:p@contoso.vault.azure.net")
	f.Fuzz(func(t *testing.T, s string) {
		for _, allow := range []Allow{{Cloud: publicCloud(t)}, {Cloud: publicCloud(t), TestVault: true}, {Cloud: publicCloud(t), Rehearsal: true}} {
			a, err := Parse(s, allow)
			if err != nil {
				continue
			}
			again, err := Parse(a.String(), allow)
			if err != nil || again != a {
				t.Errorf("%q is read as %s, which is read as %s (%v)", s, a, again, err)
			}
		}
	})
}
