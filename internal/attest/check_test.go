package attest

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/toolset"
)

const label = "BYOK-KEK-pkg-CONTOSO-1: "

// TestRehearsal mixes the marks in every way. The packages are good.
func TestRehearsal(t *testing.T) {
	const (
		toProduction = "make a toolset from the production vault: byok-online toolset build"
		toRehearsal  = "make a toolset from the rehearsal vault: byok-online toolset build"
	)
	for _, c := range []struct {
		name       string
		kek, sw    kek.Mark
		world      bool // a rehearsal
		vault      string
		want, hint string
	}{
		{"rehearsal in production", kek.Rehearsal, kek.Rehearsal, false, "", "made in a rehearsal, and this world is not a rehearsal", toProduction},
		{"test in production", kek.Test, kek.Test, false, "", "made in a test, and this world is not a rehearsal", toProduction},
		{"production in a rehearsal", kek.Production, kek.Production, true, "", "made for production, and this world is a rehearsal", toRehearsal},
		{"KEK alone", kek.Rehearsal, kek.Production, true, "", "one package is marked rehearsal, the other production", ""},
		{"KEK alone, in production", kek.Rehearsal, kek.Production, false, "", "one package is marked rehearsal, the other production", ""},
		{"world alone", kek.Production, kek.Rehearsal, true, "", "one package is marked production, the other rehearsal", ""},
		{"test beside rehearsal", kek.Test, kek.Rehearsal, true, "", "one package is marked test, the other rehearsal", ""},
		{"rehearsal elsewhere", kek.Rehearsal, kek.Rehearsal, true, "https://contoso.managedhsm.azure.net",
			"the KEK of a rehearsal must be on this computer, but is in https://contoso.managedhsm.azure.net", toRehearsal},
		{"test elsewhere", kek.Test, kek.Test, true, "https://contoso.vault.azure.net",
			"the KEK of a test must be on this computer, but is in https://contoso.vault.azure.net", toRehearsal},
	} {
		f := newFixture(t)
		f.policy.Rehearsal = c.world
		f.packages = func(k *toolset.KEKPackage, sw *toolset.SecurityWorldPackage) {
			if sw.Mark = c.sw; c.sw != kek.Rehearsal {
				sw.RehearsalRoot = ""
			}
			if k.Mark = c.kek; c.vault != "" {
				k.KID.Vault, sw.Vault = c.vault, c.vault
			}
		}
		r, err := f.check(t)
		expect(t, err, exitcode.Refused, label+c.want)
		if exitcode.HintOf(err) != c.hint || r.KEK != nil || len(r.Findings) != 1 ||
			r.Findings[0] != (kek.Finding{Rule: RuleRehearsal, Detail: label + c.want}) {
			t.Errorf("%s: %q, %+v", c.name, exitcode.HintOf(err), r)
		}
	}
}

// TestTestVault: in a rehearsal, a test vault on this computer does, without
// an attestation and with a key in software.
func TestTestVault(t *testing.T) {
	f := newFixture(t)
	f.unattested()
	f.kek.Mark, f.sw.Mark, f.kek.KTY, f.kek.HSMPlatform = kek.Test, kek.Test, "RSA", "0"
	r, err := f.check(t)
	if err != nil || !r.KEK.Rehearsal() || r.KEK.mark != kek.Test || r.KEK.Attested() {
		t.Errorf("%v\n%s", err, text(r.Findings))
	}
}

// TestRehearsalUnmarked takes the mark off a rehearsal's packages: production
// does not look at the root they bring, and keeps no KEK on this computer.
func TestRehearsalUnmarked(t *testing.T) {
	f := newFixture(t)
	f.policy.Rehearsal, f.kek.Mark, f.sw.Mark = false, kek.Production, kek.Production
	r, err := f.check(t)
	expect(t, err, exitcode.Check, label+"the KEK is refused by KEK-LOOPBACK, KEK-ATTEST-CHAIN, KEK-ATTEST-PARTITION, KEK-ATTEST-DATES, KEK-ATTEST-SIGNATURE")
	for _, f := range r.Findings {
		if f.Rule == RuleChain && f.Detail != "no certificate names as its issuer a root that is trusted here" {
			t.Error(f.Detail)
		}
	}
}

// TestGenuineInRehearsal: a rehearsal knows only its own root, and only vaults
// on this computer.
func TestGenuineInRehearsal(t *testing.T) {
	f := newFixture(t)
	f.production(t)
	f.kek.Mark, f.sw.Mark, f.policy.Rehearsal = kek.Rehearsal, kek.Rehearsal, true
	f.kek.KID.Vault, f.sw.Vault = "https://localhost:8443", "https://localhost:8443"
	f.policy.Said = f.said(t)
	_, err := f.check(t)
	expect(t, err, exitcode.Check, label+"the KEK is refused by KEK-ATTEST-CHAIN, KEK-ATTEST-PARTITION, KEK-ATTEST-DATES, KEK-ATTEST-SIGNATURE, KEK-ATTEST-USAGE")
}

// TestNotCompared: without the owner's word no KEK is accepted, with or
// without an attestation.
func TestNotCompared(t *testing.T) {
	const hint = "ask the vault's owner, by phone or in person, for the KEK's fingerprint (its first 8 words), " +
		"its identifier with the version, and that its one operation is import"
	for _, c := range []struct {
		name     string
		change   func(*fixture)
		unproved []kek.Finding
	}{
		{"attested", func(*fixture) {}, []kek.Finding{
			{Rule: RuleSaid, Detail: "not compared with what the vault's owner says over another channel"}}},
		{"vault", func(f *fixture) { f.unattested() }, []kek.Finding{
			{Rule: RulePresent, Detail: "a vault attests nothing: the KEK is proved by the comparison alone"},
			{Rule: RuleSaid, Detail: "not compared with what the vault's owner says over another channel"}}},
	} {
		f := newFixture(t)
		c.change(f)
		f.policy.Said = nil
		r, err := f.check(t)
		expect(t, err, exitcode.Refused, label+"the KEK was not compared with what the vault's owner says over another channel")
		if exitcode.HintOf(err) != hint || r.KEK != nil || r.Fingerprint.IsZero() {
			t.Errorf("%s: %q, %+v", c.name, exitcode.HintOf(err), r)
		}
		if got := text(kek.Failed(r.Findings)); got != text(c.unproved) {
			t.Errorf("%s: %s", c.name, got)
		}
		f.kek.KeyOps = []string{"import", "unwrapKey"}
		_, err = f.check(t)
		expect(t, err, exitcode.Check, label+"the KEK is refused by KEK-OPS")
	}
}

// TestNoFindingHasTheFingerprint: what people are asked for is not on the
// screen.
func TestNoFindingHasTheFingerprint(t *testing.T) {
	for _, said := range []bool{true, false} {
		f := newFixture(t)
		sum := sumOf(t, f)
		if !said {
			f.policy.Said = nil
		}
		r, err := f.check(t)
		shown := text(r.Findings)
		if err != nil {
			shown += err.Error() + exitcode.HintOf(err)
		}
		for _, secret := range []string{sum.String(), sum.String()[:8], sum.FirstWords(2)} {
			if strings.Contains(shown, secret) {
				t.Errorf("%s is in\n%s", secret, shown)
			}
		}
	}
}

// TestPremium: a vault's KEK is accepted on its owner's word, and says so.
func TestPremium(t *testing.T) {
	f := newFixture(t)
	f.premium(t)
	r, err := f.check(t)
	if err != nil {
		t.Fatal(err, text(r.Findings))
	}
	k := r.KEK
	if k.Attested() || k.Rehearsal() || k.Fingerprint() != r.Fingerprint || k.ID() != f.kek.KID || k.Said() != *f.policy.Said {
		t.Errorf("%+v", k)
	}
	want := `KEK-REHEARSAL ok production
KEK-WORLD-HASH ok ` + k.SecurityWorldPackageHash().String() + `
KEK-WORLD-SUFFIX ok CONTOSO-1
KEK-VERSION ok 664f5aa2797a4075b8e36ca4500636d8
KEK-VAULT ok https://contoso.vault.azure.net
KEK-LOOPBACK ok not this computer
KEK-TYPE ok RSA-2048
KEK-EXPONENT ok 65537
KEK-OPS ok import
KEK-ENABLED ok enabled
KEK-EXPIRY ok until 2026-02-03T04:06:06Z
KEK-OWN ok not a key of this security world
KEK-ATTEST-PRESENT ok none: a vault attests nothing; accepted on the word of "Dana Okafor"
KEK-SAID ok "Dana Okafor" said the first 8 words of the fingerprint, the identifier, and import only
`
	if text(r.Findings) != want {
		t.Errorf("%s\nwant\n%s", text(r.Findings), want)
	}
}

// TestTheOwnersWordOutweighsNothingElse: it replaces a missing attestation of
// a vault's key. It does not mend a bad one, nor one that a Managed HSM would
// have given.
func TestTheOwnersWordOutweighsNothingElse(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fixture)
		want   string
	}{
		{"bad attestation", func(f *fixture) { f.set(AttrExtractable, []byte{1}) }, "KEK-ATTEST-EXTRACTABLE"},
		{"bad attestation of a vault", func(f *fixture) {
			f.set(AttrExtractable, []byte{1})
			f.sw.Service = kek.ServiceVault
		}, "KEK-ATTEST-EXTRACTABLE"},
		{"Managed HSM without attestation", func(f *fixture) {
			f.packages = func(k *toolset.KEKPackage, _ *toolset.SecurityWorldPackage) { k.Attestation = nil }
		}, "KEK-ATTEST-PRESENT"},
		{"Managed HSM called a vault", func(f *fixture) {
			f.premium(t)
			f.kek.KID.Vault, f.sw.Vault = "https://contoso.managedhsm.azure.net", "https://contoso.managedhsm.azure.net"
			f.policy.Said = f.said(t)
		}, "KEK-ATTEST-PRESENT"},
		{"the same without the word", func(f *fixture) {
			f.premium(t)
			f.kek.KID.Vault, f.sw.Vault = "https://contoso.managedhsm.azure.cn", "https://contoso.managedhsm.azure.cn"
			f.policy.Said = nil
		}, "KEK-ATTEST-PRESENT"},
	} {
		f := newFixture(t)
		c.change(f)
		r, err := f.check(t)
		expect(t, err, exitcode.Check, label+"the KEK is refused by "+c.want)
		if r.KEK != nil {
			t.Errorf("%s: a KEK beside an error", c.name)
		}
	}
}

// TestHashesAreOfTheBytesRead: the KEK carries the sums of what was parsed.
func TestHashesAreOfTheBytesRead(t *testing.T) {
	pair := newFixture(t).pair(t)
	f := newFixture(t)
	f.policy.Now = testNow
	r, err := Check(pair, f.policy)
	if err != nil {
		t.Fatal(err)
	}
	kekFile, worldFile := fingerprint.Of(marshal(t, pair.KEK())), fingerprint.Of(marshal(t, pair.SecurityWorld()))
	if r.KEK.KEKPackageHash() != kekFile || r.KEK.SecurityWorldPackageHash() != worldFile {
		t.Errorf("%s and %s", r.KEK.KEKPackageHash(), r.KEK.SecurityWorldPackageHash())
	}
}
