package attest

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/toolset"
)

func rebind(kek *toolset.KEKPackage, sw *toolset.SecurityWorldPackage, swBytes *[]byte) {
	*swBytes, _ = sw.Marshal()
	kek.SecurityWorld = fingerprint.Of(*swBytes)
}

// TestRehearsal mixes rehearsal and production in every way. The mark is in
// the packages; the packages are good.
func TestRehearsal(t *testing.T) {
	const (
		mixed      = "BYOK-KEK-pkg-CONTOSO-1: one package is of a rehearsal and the other is not"
		rehearsal  = "BYOK-KEK-pkg-CONTOSO-1: made in a rehearsal, and this world is not one"
		production = "BYOK-KEK-pkg-CONTOSO-1: made for production, and this world is a rehearsal"
	)
	for _, c := range []struct {
		kek, sw, world bool
		want, hint     string
	}{
		{true, true, false, rehearsal, "make a toolset from the production vault: byok-online toolset build"},
		{false, false, true, production, "make a toolset from the rehearsal vault: byok-online toolset build"},
		{true, false, true, mixed, ""},
		{true, false, false, mixed, ""},
		{false, true, true, mixed, ""},
		{false, true, false, mixed, ""},
	} {
		f := newFixture(t)
		f.policy.Rehearsal = c.world
		f.packages = func(kek *toolset.KEKPackage, sw *toolset.SecurityWorldPackage, swBytes *[]byte) {
			if sw.Rehearsal = c.sw; !c.sw {
				sw.RehearsalRoot = ""
			}
			kek.Rehearsal = c.kek
			rebind(kek, sw, swBytes)
		}
		v, err := f.check(t)
		expect(t, err, exitcode.Refused, c.want)
		if exitcode.HintOf(err) != c.hint || v.KEK != nil || len(v.Findings) != 1 || v.Findings[0] != (Finding{RuleRehearsal, false, c.want}) {
			t.Errorf("%+v: %q, %+v", c, exitcode.HintOf(err), v)
		}
	}
}

// TestRehearsalUnmarked takes the mark off a rehearsal's packages: production
// does not look at the root they bring.
func TestRehearsalUnmarked(t *testing.T) {
	f := newFixture(t)
	f.policy.Rehearsal, f.kek.Rehearsal, f.sw.Rehearsal = false, false, false
	v, err := f.check(t)
	expect(t, err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-CHAIN, KEK-ATTEST-DATES")
	for _, f := range v.Findings {
		if f.Rule == RuleChain && f.Detail != `the HSM's certificate is issued by "root", which is no root that is known here` {
			t.Error(f.Detail)
		}
	}
}

// TestGenuineInRehearsal: a rehearsal knows only its own root.
func TestGenuineInRehearsal(t *testing.T) {
	f := newFixture(t)
	f.production(t)
	f.kek.Rehearsal, f.sw.Rehearsal, f.policy.Rehearsal = true, true, true
	_, err := f.check(t)
	expect(t, err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-CHAIN, KEK-ATTEST-DATES, KEK-ATTEST-USAGE")
}

func TestUnattested(t *testing.T) {
	const notAccepted = "BYOK-KEK-pkg-CONTOSO-1: the KEK is not attested, and its fingerprint has not been accepted"
	sum, err := fingerprintOf(&testKeys()[kekKey].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.unattested()
	f.policy.Accepted = []fingerprint.Sum{{1}}
	v, err := f.check(t)
	expect(t, err, exitcode.Refused, notAccepted)
	if got, want := exitcode.HintOf(err), `compare the fingerprint with the vault's over a second channel, then pass --accept-unattested --fingerprint "<words or hex>"`; got != want {
		t.Errorf("hint: %s", got)
	}
	if v.KEK != nil || v.Fingerprint != sum {
		t.Errorf("%+v", v)
	}

	f.policy.Accepted = append(f.policy.Accepted, sum)
	v, err = f.check(t)
	if err != nil {
		t.Fatal(err)
	}
	if v.KEK.Attested() || v.KEK.Fingerprint() != sum || v.KEK.KID() != f.kek.KID {
		t.Errorf("%+v", v.KEK)
	}
	want := `KEK-REHEARSAL ok REHEARSAL: this proves nothing of value
KEK-WORLD-HASH ok ` + v.Findings[1].Detail + `
KEK-WORLD-SUFFIX ok CONTOSO-1
KEK-WORLD-VAULT ok https://localhost:8443
KEK-TYPE ok RSA 2048
KEK-OPS ok import
KEK-EXPIRY ok until 2026-02-03T04:06:06Z
KEK-ATTEST-PRESENT FAILED the vault attests nothing: the KEK is proved by its fingerprint alone
KEK-ACCEPTED ok SHA-256 ` + sum.Groups() + "\n"
	if text(v.Findings) != want {
		t.Errorf("%s\nwant\n%s", text(v.Findings), want)
	}

	f.kek.KeyOps = []string{"sign"}
	_, err = f.check(t)
	expect(t, err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-OPS")
}

// TestAcceptedOutweighsNothingElse: a fingerprint replaces a missing
// attestation of a vault's key. It does not mend a bad one, nor one that a
// Managed HSM would have given.
func TestAcceptedOutweighsNothingElse(t *testing.T) {
	sum, err := fingerprintOf(&testKeys()[kekKey].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t)
	f.policy.Accepted = []fingerprint.Sum{sum}
	f.set(AttrExtractable, []byte{1})
	_, err = f.check(t)
	expect(t, err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-EXTRACTABLE")

	f = newFixture(t)
	f.policy.Accepted = []fingerprint.Sum{sum}
	f.packages = func(kek *toolset.KEKPackage, _ *toolset.SecurityWorldPackage, _ *[]byte) { kek.Attestation = nil }
	v, err := f.check(t)
	expect(t, err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-PRESENT")
	if i := len(v.Findings) - 2; v.Findings[i] != (Finding{RulePresent, false, "a Managed HSM attests its keys, and this package has no attestation"}) {
		t.Error(text(v.Findings))
	}

	f = newFixture(t)
	f.policy.Accepted = []fingerprint.Sum{sum}
	f.unattested()
	f.kek.KID.Vault, f.sw.Vault = "https://contoso.managedhsm.azure.net", "https://contoso.managedhsm.azure.net"
	_, err = f.check(t)
	expect(t, err, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by KEK-ATTEST-PRESENT")
}
