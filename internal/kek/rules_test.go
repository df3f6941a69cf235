package kek

import (
	"crypto"
	"crypto/rsa"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/keykind"
)

var now = time.Date(2026, 11, 25, 19, 5, 0, 0, time.UTC)

func publicKey(t testing.TB, name string) crypto.PublicKey {
	t.Helper()
	data, err := os.ReadFile("../keykind/testdata/publickey/valid/" + name + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	pub, err := keykind.ParsePublicKey(string(data))
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

// candidate is a KEK that meets every rule.
func candidate(t testing.TB) Candidate {
	return Candidate{
		ID:          id(t, kid),
		Vault:       "https://contoso.vault.azure.net",
		Mark:        Production,
		KTY:         "RSA-HSM",
		HSMPlatform: "2",
		Public:      publicKey(t, "rsa3072"),
		KeyOps:      []string{"import"},
		Enabled:     true,
		NotBefore:   now,
		Expires:     now.Add(time.Second),
	}
}

func at(vault string, mark Mark) func(*Candidate) {
	return func(c *Candidate) { c.ID.Vault, c.Vault, c.Mark = vault, vault, mark }
}

func TestGoodKEKs(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Candidate)
	}{
		{"as it is", func(*Candidate) {}},
		{"RSA 2048", func(c *Candidate) { c.Public = publicKey(t, "rsa2048") }},
		{"RSA 4096", func(c *Candidate) { c.Public = publicKey(t, "rsa4096") }},
		{"without dates", func(c *Candidate) { c.NotBefore, c.Expires = time.Time{}, time.Time{} }},
		{"platform unsaid", func(c *Candidate) { c.HSMPlatform = "" }},
		{"rehearsal", at("https://localhost:8443", Rehearsal)},
		{"test, in software", func(c *Candidate) {
			at("https://127.0.0.1:8443", Test)(c)
			c.KTY, c.HSMPlatform = "RSA", "0"
		}},
	} {
		k := candidate(t)
		c.change(&k)
		findings := k.Check(now)
		if failed := Failed(findings); len(failed) > 0 {
			t.Errorf("%s: %v", c.name, failed)
		}
		for i, rule := range Rules() {
			if findings[i].Rule != rule.Name {
				t.Errorf("%s: finding %d is %s, not %s", c.name, i, findings[i].Rule, rule.Name)
			}
		}
	}
}

// Each row breaks one rule; the finding of that rule alone fails.
func TestBadKEKs(t *testing.T) {
	small := *publicKey(t, "rsa2048").(*rsa.PublicKey)
	small.E = 3
	broken := map[string]bool{}
	for _, c := range []struct {
		name   string
		change func(*Candidate)
		want   string
	}{
		{"no version", func(c *Candidate) { c.ID.Version = "" },
			"KEK-VERSION: the identifier has no version: it could be another key tomorrow"},
		{"another vault", func(c *Candidate) { c.Vault = "https://fabrikam.vault.azure.net" },
			"KEK-VAULT: the KEK is in https://contoso.vault.azure.net, not in https://fabrikam.vault.azure.net"},
		{"rehearsal elsewhere", func(c *Candidate) { c.Mark = Rehearsal },
			"KEK-LOOPBACK: the KEK of a rehearsal must be on this computer, but is in https://contoso.vault.azure.net"},
		{"test elsewhere", func(c *Candidate) { c.Mark = Test },
			"KEK-LOOPBACK: the KEK of a test must be on this computer, but is in https://contoso.vault.azure.net"},
		{"production here", at("https://localhost:8443", Production),
			"KEK-LOOPBACK: https://localhost:8443 is this computer, which keeps no production KEK"},
		{"production at 127.0.0.1", at("https://127.0.0.1", Production),
			"KEK-LOOPBACK: https://127.0.0.1 is this computer, which keeps no production KEK"},
		{"software type", func(c *Candidate) { c.KTY = "RSA" }, `KEK-TYPE: the key's type is "RSA"; RSA-HSM is required`},
		{"software type in a rehearsal", func(c *Candidate) { at("https://localhost", Rehearsal)(c); c.KTY = "RSA" },
			`KEK-TYPE: the key's type is "RSA"; RSA-HSM is required`},
		{"software platform", func(c *Candidate) { c.HSMPlatform = "0" },
			"KEK-TYPE: the vault keeps the key in software, not in an HSM"},
		{"exponent 3", func(c *Candidate) { c.Public = &small }, "KEK-EXPONENT: the public exponent is 3; 65537 is required"},
		{"two operations", func(c *Candidate) { c.KeyOps = []string{"import", "unwrapKey"} },
			`KEK-OPS: the key's operations are "import, unwrapKey"; import alone is required`},
		{"one operation twice", func(c *Candidate) { c.KeyOps = []string{"import", "import"} },
			`KEK-OPS: the key's operations are "import, import"; import alone is required`},
		{"no operation", func(c *Candidate) { c.KeyOps = nil }, `KEK-OPS: the key's operations are ""; import alone is required`},
		{"disabled", func(c *Candidate) { c.Enabled = false }, "KEK-ENABLED: the key is disabled"},
		{"too early", func(c *Candidate) { c.NotBefore = now.Add(time.Second) },
			"KEK-ENABLED: the key is not valid before 2026-11-25T19:05:01Z, and now is 2026-11-25T19:05:00Z"},
		{"expired", func(c *Candidate) { c.Expires = now },
			"KEK-EXPIRY: the key expired at 2026-11-25T19:05:00Z, and now is 2026-11-25T19:05:00Z"},
	} {
		k := candidate(t)
		c.change(&k)
		failed := Failed(k.Check(now))
		if len(failed) != 1 || failed[0].Rule+": "+failed[0].Detail != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, failed, c.want)
			continue
		}
		broken[failed[0].Rule] = true
	}
	for _, rule := range Rules() {
		if !broken[rule.Name] {
			t.Errorf("no row breaks %s", rule.Name)
		}
	}
}

func TestKeysThatAreNotRSA(t *testing.T) {
	exponent := "KEK-EXPONENT: not checked: the key is not an RSA key"
	for _, c := range []struct {
		name string
		pub  crypto.PublicKey
		want string
	}{
		{"none", nil, "KEK-TYPE: public key of type <nil>: the service imports RSA of 2048, 3072 or 4096 bits and EC on P-256, P-384, P-521 or P-256K"},
		{"EC", publicKey(t, "p256"), "KEK-TYPE: the public key is of P-256, not RSA"},
	} {
		k := candidate(t)
		k.Public = c.pub
		var got []string
		for _, f := range Failed(k.Check(now)) {
			got = append(got, f.Rule+": "+f.Detail)
		}
		if !slices.Equal(got, []string{c.want, exponent}) {
			t.Errorf("%s: %s", c.name, strings.Join(got, "\n"))
		}
	}
}

func TestMarks(t *testing.T) {
	for _, mark := range []Mark{Production, Rehearsal, Test} {
		if err := mark.Check(); err != nil {
			t.Errorf("%s: %v", mark, err)
		}
	}
	refused(t, "empty", Mark("").Check(), `expected "production", "rehearsal" or "test"`)
}

func TestVaults(t *testing.T) {
	for _, c := range []struct {
		address, want string
		managed, here bool
	}{
		{"https://contoso.vault.azure.net", "https://contoso.vault.azure.net", false, false},
		{"HTTPS://Contoso.ManagedHSM.azure.net:443", "https://contoso.managedhsm.azure.net", true, false},
		{"https://contoso.managedhsm.azure.cn:8443", "https://contoso.managedhsm.azure.cn:8443", true, false},
		{"https://managedhsm.vault.azure.net", "https://managedhsm.vault.azure.net", false, false},
		{"https://LOCALHOST:8443", "https://localhost:8443", false, true},
		{"https://127.0.0.1:8443", "https://127.0.0.1:8443", false, true},
		{"https://127.0.0.2", "https://127.0.0.2", false, false},
		{"https://localhost.contoso.com", "https://localhost.contoso.com", false, false},
	} {
		vault, err := ParseVault(c.address)
		if err != nil || vault != c.want {
			t.Errorf("%s: %s, %v", c.address, vault, err)
		}
		if host := HostOf(vault); IsManagedHSM(host) != c.managed || IsLoopback(host) != c.here {
			t.Errorf("%s: Managed HSM %t, this computer %t", host, IsManagedHSM(host), IsLoopback(host))
		}
	}
	if !IsLoopback("::1") || !IsLoopback("[::1]") || !IsManagedHSM("A.MANAGEDHSM.AZURE.NET") {
		t.Error("another spelling is missed")
	}
	_, err := ParseVault("http://localhost")
	refused(t, "http", err, `vault address "http://localhost": it does not begin with https://`)
}

func TestCheckName(t *testing.T) {
	if err := CheckName("KEKforBYOK-1"); err != nil {
		t.Error(err)
	}
	refused(t, "underscore", CheckName("a_b"), `key name "a_b": 1 to 127 digits, letters and dashes are allowed`)
}

func TestIDCheck(t *testing.T) {
	k := id(t, kid)
	if err := k.Check(); err != nil || k.IsZero() || !(ID{}).IsZero() {
		t.Error(err)
	}
	k.Vault = "https://Contoso.vault.azure.net"
	refused(t, "capital", k.Check(), `key identifier "https://Contoso.vault.azure.net/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8": `+
		`the usual spelling is "`+kid+`"`)
}
