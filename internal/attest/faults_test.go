package attest

import (
	"crypto"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/toolset"
)

// fault is one thing wrong, the rule that finds it, and the reason it gives.
type fault struct {
	rule   string
	change func(t testing.TB, f *fixture)
	reason string
	others []string // rules that cannot hold either
}

// unread are the rules that wait for an attestation that can be read.
var unread = []string{
	RuleWorldPartition, RuleChain, RuleOwner, RulePartition, RuleDates, RuleSignature, RuleClass, RuleKey, RuleID,
	RuleSensitive, RuleExtractable, RuleLocal, RuleUsage, RulePublic,
}

// TestFaults has one thing wrong at a time: exactly the rule for it must fail.
// Every rule fails at least once.
func TestFaults(t *testing.T) {
	failing := map[string]bool{RuleRehearsal: true, kek.RuleLoopback: true, kek.RuleVersion: true, RulePresent: true} // have their own tests
	for _, table := range []map[string]fault{packageFaults, formatFaults, certificateFaults, signatureFaults, attributeFaults, publicFaults} {
		for name, c := range table {
			f := newFixture(t)
			c.change(t, f)
			checkFault(t, name, f, c)
			failing[c.rule] = true
		}
	}
	for name, c := range attributeFaults {
		f := newFixture(t)
		f.firmware3()
		c.change(t, f)
		checkFault(t, name+", firmware 3", f, c)
	}
	for _, rule := range Rules() {
		if !failing[rule] {
			t.Errorf("no fault fails %s", rule)
		}
	}
}

func pemOf(t testing.TB, pub crypto.PublicKey) string {
	t.Helper()
	text, err := keykind.MarshalPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkFault(t *testing.T, name string, f *fixture, c fault) {
	t.Helper()
	v, err := f.check(t)
	var want []string
	for _, rule := range Rules() {
		if rule == c.rule || slices.Contains(c.others, rule) {
			want = append(want, rule)
		}
	}
	message := "BYOK-KEK-pkg-CONTOSO-1: the KEK is refused by " + strings.Join(want, ", ")
	if err == nil || err.Error() != message || exitcode.Of(err) != exitcode.Check || v.KEK != nil {
		t.Errorf("%s: %v\nwant %s", name, err, message)
	}
	i := slices.IndexFunc(v.Findings, func(f kek.Finding) bool { return f.Rule == c.rule })
	if i < 0 || v.Findings[i].OK || v.Findings[i].Detail != c.reason {
		t.Errorf("%s: %+v\nwant %s", name, v.Findings[max(i, 0)], c.reason)
	}
}

func edited(change func(sw *toolset.SecurityWorldPackage)) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) { f.edited = change }
}

var packageFaults = map[string]fault{
	"world edited": {RuleWorldHash, edited(func(sw *toolset.SecurityWorldPackage) { sw.Location = "elsewhere" }),
		"the KEK package is bound to a different SecurityWorld package", nil},
	"suffix":     {RuleWorldSuffix, func(_ testing.TB, f *fixture) { f.sw.Suffix = "FABRIKAM" }, "CONTOSO-1 and FABRIKAM-1", nil},
	"generation": {RuleWorldSuffix, func(_ testing.TB, f *fixture) { f.sw.Generation = 2 }, "CONTOSO-1 and CONTOSO-2", nil},
	"vault": {kek.RuleVault, func(_ testing.TB, f *fixture) { f.sw.Vault = "https://localhost" },
		"the KEK is in https://localhost:8443, not in https://localhost", nil},
	"software key": {kek.RuleType, func(_ testing.TB, f *fixture) { f.kek.KTY = "RSA" }, `the key's type is "RSA"; RSA-HSM is required`, nil},
	"exponent 3": {kek.RuleExponent, func(t testing.TB, f *fixture) {
		pub := testKeys()[kekKey].PublicKey
		pub.E = 3
		f.kek.PublicKey = pemOf(t, &pub)
		f.policy.Said = f.said(t)
		f.set(AttrPublicExponent, []byte{3})
	}, "the public exponent is 3; 65537 is required", nil},
	"more operations": {kek.RuleOps, func(_ testing.TB, f *fixture) { f.kek.KeyOps = []string{"import", "wrapKey"} },
		`the key's operations are "import, wrapKey"; import alone is required`, nil},
	"other operation": {kek.RuleOps, func(_ testing.TB, f *fixture) { f.kek.KeyOps = []string{"unwrapKey"} },
		`the key's operations are "unwrapKey"; import alone is required`, nil},
	"disabled": {kek.RuleEnabled, func(_ testing.TB, f *fixture) { f.kek.Enabled = false }, "the key is disabled", nil},
	"not yet valid": {kek.RuleEnabled, func(_ testing.TB, f *fixture) { f.kek.NotBefore = testNow.Add(time.Second) },
		"the key is not valid before 2026-02-03T04:05:07Z, and now is 2026-02-03T04:05:06Z", nil},
	"expired": {kek.RuleExpiry, func(_ testing.TB, f *fixture) { f.kek.Expires = testNow },
		"the key expired at 2026-02-03T04:05:06Z, and now is 2026-02-03T04:05:06Z", nil},
	"module key": {RuleOwn, func(t testing.TB, f *fixture) {
		r, _ := f.check(t)
		f.policy.Own = []fingerprint.Sum{{1}, r.Fingerprint}
	}, "the KEK is a module key of this security world: whoever holds its cards could open what is wrapped for it", nil},
	"another fingerprint said": {RuleSaid, func(t testing.TB, f *fixture) { f.policy.Said.Fingerprint = fingerprint.Whole(fingerprint.Sum{1}) },
		`"Dana Okafor" named a different fingerprint than that of the KEK in the packages`, nil},
	"another identifier said": {RuleSaid, func(t testing.TB, f *fixture) { f.policy.Said.KID.Name = "KEK" },
		`"Dana Okafor" named a different key identifier than the packages`, nil},
	"import only not said": {RuleSaid, func(t testing.TB, f *fixture) { f.policy.Said.ImportOnly = false },
		"the vault's owner must say that the key's one operation is import", nil},
	"said by no one": {RuleSaid, func(t testing.TB, f *fixture) { f.policy.Said.By = "" }, "the name of who said it: it is empty", nil},
	"certificates not named": {RuleWorldPartition, func(_ testing.TB, f *fixture) {
		f.packages = func(_ *toolset.KEKPackage, sw *toolset.SecurityWorldPackage) { sw.PartitionCertificates = "" }
	}, "partition_certificates: the owner's root is not among them", nil},
	"certificates no PEM": {RuleWorldPartition, func(_ testing.TB, f *fixture) { f.sw.PartitionCertificates = "PEM" },
		"partition_certificates: text that is not a certificate in PEM", nil},
	"certificates of another": {RuleWorldPartition, func(t testing.TB, f *fixture) {
		f.sw.PartitionCertificates = string(slices.Concat(f.pem(t, f.owner), f.pem(t, f.root)))
	}, "partition_certificates: certificate 2 is not in the attestation", nil},
	"certificates without owner": {RuleWorldPartition, func(t testing.TB, f *fixture) {
		f.sw.PartitionCertificates = string(f.pem(t, f.hsm))
	}, "partition_certificates: the owner's root is not among them", nil},
}

func attestation(change func(*toolset.Attestation)) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) { f.attestation = change }
}

var formatFaults = map[string]fault{
	"version":            {RuleFormat, attestation(func(a *toolset.Attestation) { a.Version = "MRVL-2" }), `version "MRVL-2", expected MRVL-1`, unread},
	"three certificates": {RuleFormat, attestation(func(a *toolset.Attestation) { a.CertificatePEM = []byte(strings.Join(certificatesOf(a)[:3], "")) }), "3 different certificates; 4 are required", unread},
	"five certificates": {RuleFormat, func(t testing.TB, f *fixture) {
		f.attestation = func(a *toolset.Attestation) { a.CertificatePEM = append(a.CertificatePEM, f.pem(t, f.root)...) }
	}, "5 different certificates; 4 are required", unread},
	"text before": {RuleFormat, attestation(func(a *toolset.Attestation) { a.CertificatePEM = append([]byte("HSM\n"), a.CertificatePEM...) }), "text that is not a certificate in PEM", unread},
	"text behind": {RuleFormat, attestation(func(a *toolset.Attestation) { a.CertificatePEM = append(a.CertificatePEM, "-----BEGIN"...) }), "text that is not a certificate in PEM", unread},
	"other PEM": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = []byte(strings.ReplaceAll(string(a.CertificatePEM), " CERTIFICATE", " X509 CRL"))
	}), "text that is not a certificate in PEM", unread},
	"header in PEM": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = []byte(strings.Replace(string(a.CertificatePEM), "CERTIFICATE-----\n", "CERTIFICATE-----\nProc-Type: 4\n\n", 1))
	}), "text that is not a certificate in PEM", unread},
	"block that is skipped": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = append([]byte("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"), a.CertificatePEM...)
	}), "text that is not a certificate in PEM", unread},
	"no certificate": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = append([]byte("-----BEGIN CERTIFICATE-----\nUEVN\n-----END CERTIFICATE-----\n"), a.CertificatePEM...)
	}), "certificate 1 cannot be read", unread},
	"statement short": {RuleFormat, attestation(func(a *toolset.Attestation) { a.PrivateKey = a.PrivateKey[:287] }), "the private key's claims: 287 bytes cannot be an attestation", unread},
	"statement long":  {RuleFormat, attestation(func(a *toolset.Attestation) { a.PrivateKey = make([]byte, MaxBlob+1) }), "the private key's claims: 65537 bytes cannot be an attestation", unread},
	"statement cut":   {RuleFormat, attestation(func(a *toolset.Attestation) { a.PrivateKey = a.PrivateKey[:600] }), "the private key's claims: attribute id (0x0102) is longer than what is left", unread},
	"public short":    {RuleFormat, attestation(func(a *toolset.Attestation) { a.PublicKey = []byte{1} }), "the public key's claims: 1 byte cannot be an attestation", unread},
	"attribute twice": {RuleFormat, func(_ testing.TB, f *fixture) {
		o := &f.claims.Objects[0]
		o.Attributes = append(o.Attributes, Attribute{AttrExtractable, []byte{0}})
	}, "the private key's claims: attribute extractable (0x0162) appears twice", unread},
}

// TestManyFaults: every rule has its line, also when nothing holds.
func TestManyFaults(t *testing.T) {
	f := newFixture(t)
	for _, c := range slices.Collect(maps.Values(attributeFaults)) {
		if c.rule != RuleClass && !strings.HasSuffix(c.reason, "stated") {
			c.change(t, f)
		}
	}
	f.hsm.signer, f.owner.signer, f.kek.KeyOps = strangerKey, strangerKey, []string{"sign"}
	f.policy.Said = nil
	v, err := f.check(t)
	if exitcode.Of(err) != exitcode.Check || len(v.Findings) != len(Rules()) {
		t.Errorf("%v\n%s", err, text(v.Findings))
	}
}
