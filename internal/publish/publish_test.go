package publish

import (
	"context"
	"crypto/rsa"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/rehearsal"
	"byok/internal/testkit/practice"
	"byok/internal/toolset"
	"byok/internal/vault"
)

// altered is a rehearsal vault whose answers a test changes.
type altered struct {
	*vault.Client
	key         func(*vault.Key)
	attestation func(*vault.Attestation) error
}

func (a altered) Key(ctx context.Context, name, version string) (vault.Key, error) {
	k, err := a.Client.Key(ctx, name, version)
	if a.key != nil {
		a.key(&k)
	}
	return k, err
}

func (a altered) Attestation(ctx context.Context, name, version string) (vault.Attestation, error) {
	statement, err := a.Client.Attestation(ctx, name, version)
	if a.attestation != nil && err == nil {
		err = a.attestation(&statement)
	}
	return statement, err
}

func describe(v *practice.Vault) Description {
	return Description{
		Suffix:        "CONTOSO",
		Generation:    1,
		Mark:          kek.Rehearsal,
		Service:       v.Open.Service,
		Cloud:         "Rehearsal",
		Location:      "westeurope",
		Tenant:        v.Open.Tenant,
		Subscription:  "01234567-89ab-cdef-0123-456789abcdef",
		RehearsalRoot: string(v.Open.AttestationRoot),
	}
}

func start(t *testing.T, service string) (*practice.Vault, kek.ID) {
	t.Helper()
	v := practice.Start(t, rehearsal.Config{Service: service})
	k, err := v.KEK("kek")
	if err != nil {
		t.Fatal(err)
	}
	return v, k.ID
}

// TestBuild makes the toolset of a Managed HSM's KEK and of a vault's.
func TestBuild(t *testing.T) {
	for _, c := range []struct {
		service  string
		attested bool
		warnings string
	}{
		{kek.ServiceManagedHSM, true, "[]"},
		{kek.ServiceVault, false,
			"[this vault attests nothing: people have to compare the KEK's fingerprint over a second channel]"},
	} {
		v, id := start(t, c.service)
		got, err := Build(context.Background(), v.Client, "kek", describe(v), time.Now())
		if err != nil {
			t.Fatalf("%s: %v", c.service, err)
		}
		if got.Attested != c.attested || fmt.Sprint(got.Warnings) != c.warnings {
			t.Errorf("%s: attested %t, %q", c.service, got.Attested, got.Warnings)
		}
		key, err := v.Client.Key(context.Background(), "kek", "")
		if err != nil {
			t.Fatal(err)
		}
		if sum, err := keykind.SPKIHash(key.PublicKey); err != nil || got.Fingerprint != sum {
			t.Errorf("%s: fingerprint %v", c.service, got.Fingerprint)
		}
		k, w := got.Pair.KEK(), got.Pair.SecurityWorld()
		if k.KID != id || k.Mark != kek.Rehearsal || k.Suffix != "CONTOSO" ||
			k.Expires != key.Expires || k.Created != key.Created {
			t.Errorf("%s: %+v", c.service, k)
		}
		if w.Service != c.service || w.Vault != id.Vault || w.Location != "westeurope" || w.Tenant != v.Open.Tenant ||
			(w.PartitionCertificates != "") != c.attested {
			t.Errorf("%s: %+v", c.service, w)
		}
		zip, err := got.Pair.Zip()
		if err != nil {
			t.Fatal(err)
		}
		if again, err := toolset.Unzip("toolset.zip", zip); err != nil || again.KEKHash() != got.Pair.KEKHash() {
			t.Errorf("%s: %v", c.service, err)
		}
	}
}

// TestKEKRefused changes one thing of a good KEK at a time.
func TestKEKRefused(t *testing.T) {
	v, id := start(t, kek.ServiceVault)
	then := time.Date(2021, 6, 30, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		change func(*vault.Key)
		want   string
	}{
		{"software", func(k *vault.Key) { k.Kty = "RSA" }, `KEK-TYPE: the key's type is "RSA"; RSA-HSM is required`},
		{"small exponent", func(k *vault.Key) {
			k.PublicKey = &rsa.PublicKey{N: k.PublicKey.(*rsa.PublicKey).N, E: 3}
		}, "KEK-EXPONENT: the public exponent is 3; 65537 is required"},
		{"short", func(k *vault.Key) {
			k.PublicKey = &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}
		}, "KEK-TYPE: public key: RSA key of 1024 bits: expected 2048, 3072 or 4096"},
		{"more operations", func(k *vault.Key) { k.Ops = []string{"import", "decrypt"} },
			`KEK-OPS: the key's operations are "import, decrypt"; import alone is required`},
		{"disabled", func(k *vault.Key) { k.Enabled = false }, "KEK-ENABLED: the key is disabled"},
		{"expired", func(k *vault.Key) { k.Expires = then },
			"KEK-EXPIRY: the key expired at 2021-06-30T00:00:00Z, and now is 2026-01-02T03:04:05Z"},
		{"elsewhere", func(k *vault.Key) { k.ID.Vault = "https://localhost:1" },
			"KEK-VAULT: the KEK is in https://localhost:1, not in " + v.Open.URL},
	} {
		a := altered{Client: v.Client, key: c.change}
		_, err := Build(context.Background(), a, "kek", describe(v), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		if err == nil || exitcode.Of(err) != exitcode.Check || exitcode.HintOf(err) != "byok-online kek create" {
			t.Errorf("%s: status %d, %v", c.name, exitcode.Of(err), err)
			continue
		}
		subject, why, _ := strings.Cut(err.Error(), " cannot be a KEK: ")
		if !strings.HasSuffix(subject, "/keys/kek/"+id.Version) || why != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	v, id := start(t, kek.ServiceVault)
	now := time.Now()
	about := "KEK " + id.String()
	for _, c := range []struct {
		name    string
		expires time.Time
		want    string
	}{
		{"hours", now.Add(longLife - time.Minute), ""},
		{"a month", now.Add(30*24*time.Hour + time.Minute), about + " lives for 30 more days; a KEK should live for hours"},
		{"for ever", time.Time{}, about + " never expires; a KEK should live for hours"},
	} {
		a := altered{Client: v.Client, key: func(k *vault.Key) { k.Expires = c.expires.UTC().Truncate(time.Second) }}
		got, err := Build(context.Background(), a, "kek", describe(v), now)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		first := ""
		if len(got.Warnings) == 2 {
			first = got.Warnings[0]
		}
		if first != c.want {
			t.Errorf("%s: %q", c.name, got.Warnings)
		}
	}
}

// TestBuildRefused has what fails beside the KEK itself.
func TestBuildRefused(t *testing.T) {
	v, id := start(t, kek.ServiceManagedHSM)
	lost := exitcode.Errorf(exitcode.Vault, "the answer got lost")
	for _, c := range []struct {
		name    string
		vault   altered
		kek     string
		change  func(*Description)
		code    exitcode.Code
		want    string
		warning string
	}{
		{name: "no such key", vault: altered{Client: v.Client}, kek: "none", code: exitcode.Vault,
			want: "read key none: the vault has no such key: A key with (name/id) none was not found in this key vault. " +
				"If you recently deleted this key you may be able to recover it using the correct recovery command"},
		{name: "no answer", vault: altered{Client: v.Client, attestation: func(*vault.Attestation) error { return lost }},
			code: exitcode.Vault, want: "the answer got lost"},
		{name: "bad suffix", vault: altered{Client: v.Client}, change: func(d *Description) { d.Suffix = "contoso" },
			code: exitcode.Usage,
			want: "BYOK-SecurityWorld-pkg-contoso-1: field suffix: expected 1 to 32 capital letters and digits"},
		{name: "a bad attestation", vault: altered{Client: v.Client, attestation: func(a *vault.Attestation) error {
			a.PrivateKey[len(a.PrivateKey)-1] ^= 1
			return nil
		}}, code: exitcode.Check, want: "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-SIGNATURE",
			warning: "KEK-ATTEST-SIGNATURE: "},
		{name: "a Managed HSM that attests nothing", vault: altered{
			Client:      v.Client,
			attestation: func(*vault.Attestation) error { return vault.ErrNoAttestation },
		}, code: exitcode.Check, want: "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-PRESENT",
			warning: "KEK-ATTEST-PRESENT: a Managed HSM attests its keys, and this package has no attestation"},
		{name: "a production world", vault: altered{Client: v.Client},
			change: func(d *Description) { d.Mark = kek.Production },
			code:   exitcode.Check,
			want: id.String() + " cannot be a KEK: KEK-LOOPBACK: " + v.Open.URL +
				" is this computer, which keeps no production KEK"},
	} {
		name, d := "kek", describe(v)
		if c.kek != "" {
			name = c.kek
		}
		if c.change != nil {
			c.change(&d)
		}
		got, err := Build(context.Background(), c.vault, name, d, time.Now())
		text, _, _ := strings.Cut(fmt.Sprint(err), " (KeyNotFound, request ")
		if exitcode.Of(err) != c.code || text != c.want {
			t.Errorf("%s: status %d, %v", c.name, exitcode.Of(err), err)
		}
		if !strings.Contains(strings.Join(got.Warnings, "\n"), c.warning) {
			t.Errorf("%s: %q", c.name, got.Warnings)
		}
	}
}
