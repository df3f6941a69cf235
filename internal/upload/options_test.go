package upload

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"reflect"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
	"byok/internal/vault"
)

var policy = []byte(`{"version":"1.0.0"}`)

func approved(change ...func(*statement.Target)) statement.Target {
	target := statement.Target{
		Vault:  "https://contoso.vault.azure.net",
		Name:   "payroll",
		KeyOps: []string{"sign", "verify"},
	}
	for _, c := range change {
		c(&target)
	}
	return target
}

func exportable(t *statement.Target) { t.Exportable, t.ReleasePolicy = true, fingerprint.Of(policy) }

// TestRequest has what a person may say of this project's package, and what is
// refused because no quorum approved it.
func TestRequest(t *testing.T) {
	for _, c := range []struct {
		name    string
		target  statement.Target
		options Options
		code    exitcode.Code
		want    string
	}{
		{"nothing said", approved(), Options{}, 0, ""},
		{"the same said", approved(), Options{Name: "Payroll", Ops: []string{"verify", "sign"}}, 0, ""},
		{"another name", approved(), Options{Name: "shadow"}, exitcode.Refused,
			"payroll.byok: KEY-NAME: shadow where the quorum approved payroll"},
		{"fewer operations", approved(), Options{Ops: []string{"sign"}}, exitcode.Refused,
			"payroll.byok: KEY-OPS: sign where the quorum approved sign, verify"},
		{"exportable", approved(), Options{Exportable: true, ReleasePolicy: policy}, exitcode.Refused,
			"payroll.byok: KEY-EXPORTABLE: exportable where the quorum approved not exportable; KEY-POLICY: release policy " +
				fingerprint.Of(policy).String() + " where the quorum approved no release policy"},
		{"approved as exportable, its policy given", approved(exportable), Options{ReleasePolicy: policy}, 0, ""},
		{"approved as exportable, said so", approved(exportable), Options{Exportable: true, ReleasePolicy: policy}, 0, ""},
		{"approved as exportable, another policy", approved(exportable), Options{ReleasePolicy: []byte("{}")},
			exitcode.Refused,
			"payroll.byok: KEY-POLICY: release policy " + fingerprint.Of([]byte("{}")).String() +
				" where the quorum approved release policy " + fingerprint.Of(policy).String()},
		{"approved as exportable, no policy", approved(exportable), Options{}, exitcode.Usage,
			"payroll.byok: the quorum approved an exportable key with the release policy " +
				fingerprint.Of(policy).String() + ", which is needed here"},
	} {
		got, err := c.options.request("payroll.byok", c.target)
		expect(t, c.name, err, c.code, c.want)
		if err != nil {
			hint := "leave the option out, or have a quorum approve it: byok-offline acl modify"
			if c.code == exitcode.Usage {
				hint = "--release-policy FILE"
			}
			if exitcode.HintOf(err) != hint {
				t.Errorf("%s: hint %q", c.name, exitcode.HintOf(err))
			}
			continue
		}
		want := vault.Import{
			Name: "payroll", Ops: []string{"sign", "verify"},
			Exportable: c.target.Exportable, ReleasePolicy: c.options.ReleasePolicy,
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, want)
		}
	}
}

// TestWith has what no quorum decides, for this project's package and a foreign one.
func TestWith(t *testing.T) {
	from, until := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)
	o := Options{
		Tags: map[string]string{"owner": "ada"}, NotBefore: from, Expires: until, Disabled: true, NewVersion: true,
		Foreign: &Foreign{vault.Expected{Kty: keykind.OctHSM}},
	}
	ours, err := o.request("payroll.byok", approved())
	if err != nil {
		t.Fatal(err)
	}
	foreign := o.foreign("other", []byte("blob"))
	for name, got := range map[string]vault.Import{"payroll": ours, "other": foreign} {
		if got.Name != name || got.Tags["owner"] != "ada" || got.NotBefore != from || got.Expires != until ||
			!got.Disabled || !got.ForceNewVersion {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if want := keykind.KeyOps(keykind.OctHSM); !reflect.DeepEqual(foreign.Ops, want) || foreign.Exportable {
		t.Errorf("%+v", foreign)
	}
	o = Options{Name: "said", Ops: []string{"encrypt"}, Exportable: true, ReleasePolicy: policy, Foreign: o.Foreign}
	got := o.foreign("other", nil)
	if got.Name != "said" || len(got.Ops) != 1 || !got.Exportable || string(got.ReleasePolicy) != string(policy) {
		t.Errorf("%+v", got)
	}
}

func TestCheck(t *testing.T) {
	foreign := &Foreign{vault.Expected{PublicKey: &rsa.PublicKey{}}}
	for _, c := range []struct {
		name    string
		options Options
		files   int
		want    string
	}{
		{"one file", Options{Name: "a", Foreign: foreign}, 1, ""},
		{"two files", Options{Ops: []string{"sign"}, Foreign: &Foreign{}}, 2, ""},
		{"a name for two", Options{Name: "a"}, 2, "--name names one key, but there are 2 files"},
		{"a public key for three", Options{Foreign: foreign}, 3, "--public-key belongs to one key, but there are 3 files"},
	} {
		code := exitcode.Done
		if c.want != "" {
			code = exitcode.Usage
		}
		expect(t, c.name, c.options.Check(c.files), code, c.want)
	}
}

func TestNewForeign(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	odd, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const contradicts = "--public-key is of type EC-HSM P-384, which --kty and --curve contradict"
	for _, c := range []struct {
		name       string
		kty, curve string
		public     crypto.PublicKey
		unchecked  bool
		want       string // of the key, or the error
	}{
		{"a public key", "", "", &ec.PublicKey, false, "EC-HSM P-384 384"},
		{"the same said", "ec", "p-384", &ec.PublicKey, false, "EC-HSM P-384 384"},
		{"RSA, unchecked", "rsa", "", nil, true, "RSA-HSM  0"},
		{"AES, unchecked", "OCT-HSM", "", nil, true, "oct-HSM  0"},
		{"EC, unchecked", "EC-HSM", "secp256k1", nil, true, "EC-HSM P-256K 0"},
		{"both", "", "", &ec.PublicKey, true, "--public-key and --unchecked are mutually exclusive"},
		{"another type", "RSA", "", &ec.PublicKey, false, contradicts},
		{"another curve", "", "P-256", &ec.PublicKey, false, contradicts},
		{"a curve of no kind", "", "", &odd.PublicKey, false,
			`public key: curve "P-224": the service imports RSA of 2048, 3072 or 4096 bits and ` +
				"EC on P-256, P-384, P-521 or P-256K"},
		{"nothing to check with", "EC", "P-256", nil, false, "--kty: no public key to check the uploaded key against"},
		{"no type", "", "", nil, true, "--unchecked needs --kty"},
		{"no curve", "EC", "", nil, true, "--kty EC-HSM needs --curve"},
		{"an unknown type", "DSA", "", nil, true, `--kty and --curve: kty "DSA": expected RSA-HSM, EC-HSM or oct-HSM`},
		{"an unknown curve", "EC", "P-128", nil, true,
			`--kty and --curve: EC curve "P-128": expected P-256, P-384, P-521 or P-256K`},
		{"a curve of RSA", "RSA", "P-256", nil, true, "--kty and --curve: kty RSA-HSM: a crv belongs to EC-HSM only"},
	} {
		f, err := NewForeign(c.kty, c.curve, c.public, c.unchecked)
		if err != nil {
			if err.Error() != c.want || exitcode.Of(err) != exitcode.Usage {
				t.Errorf("%s:\n got status %d, %v\nwant %s", c.name, exitcode.Of(err), err, c.want)
			}
			continue
		}
		got := f.Key.Kty + " " + f.Key.Crv + " " + map[int]string{0: "0", 384: "384"}[f.Key.Bits]
		if got != c.want || f.Key.PublicKey != c.public {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestPlanned has what a plan says of a package, by its path: its times, and the
// vault, which must be the one approved.
func TestPlanned(t *testing.T) {
	until := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	o := Options{Planned: map[string]Planned{"a.byok": {Vault: "https://contoso.vault.azure.net", Expires: until}}}
	got, err := o.planned("a.byok", "https://contoso.vault.azure.net")
	if err != nil || !got.Expires.Equal(until) || !got.NotBefore.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = o.planned("a.byok", "https://other.vault.azure.net")
	expect(t, "another vault", err, exitcode.Refused, "a.byok: the quorum approved it for https://other.vault.azure.net, "+
		"and the plan says https://contoso.vault.azure.net")
	if got, err = o.planned("b.byok", "https://other.vault.azure.net"); err != nil || !got.Expires.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
}
