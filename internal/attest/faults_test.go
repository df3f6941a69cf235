package attest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/toolset"
	"byok/internal/transfer"
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
	failing := map[string]bool{RuleRehearsal: true, RulePresent: true, RuleAccepted: true} // have their own tests
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
	i := slices.IndexFunc(v.Findings, func(f Finding) bool { return f.Rule == c.rule })
	if i < 0 || v.Findings[i].OK || v.Findings[i].Detail != c.reason {
		t.Errorf("%s: %+v\nwant %s", name, v.Findings[max(i, 0)], c.reason)
	}
}

// afterwards changes packages that are already bound to each other.
func afterwards(change func(kek *toolset.KEKPackage, sw *toolset.SecurityWorldPackage, swBytes *[]byte)) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) { f.packages = change }
}

func otherKey(t testing.TB, f *fixture) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if f.kek.PublicKey, err = transfer.MarshalPublicKey(&key.PublicKey); err != nil {
		t.Fatal(err)
	}
	f.packages = func(kek *toolset.KEKPackage, _ *toolset.SecurityWorldPackage, _ *[]byte) {
		kek.PublicKey = f.kek.PublicKey
	}
}

var packageFaults = map[string]fault{
	"world edited": {RuleWorldHash, afterwards(func(_ *toolset.KEKPackage, sw *toolset.SecurityWorldPackage, b *[]byte) {
		sw.Location = "elsewhere"
		*b, _ = sw.Marshal()
	}), "the KEK package is bound to another SecurityWorld package", nil},
	"world of another file": {RuleWorldHash, afterwards(func(_ *toolset.KEKPackage, sw *toolset.SecurityWorldPackage, _ *[]byte) {
		sw.Location = "elsewhere"
	}), "the SecurityWorld package is not the file that was read", nil},
	"suffix":     {RuleWorldSuffix, func(_ testing.TB, f *fixture) { f.sw.Suffix = "FABRIKAM" }, "CONTOSO-1 and FABRIKAM-1", nil},
	"generation": {RuleWorldSuffix, func(_ testing.TB, f *fixture) { f.sw.Generation = 2 }, "CONTOSO-1 and CONTOSO-2", nil},
	"vault": {RuleWorldVault, func(_ testing.TB, f *fixture) { f.sw.Vault = "https://localhost" },
		"the KEK is in https://localhost:8443, not in https://localhost", nil},
	"key of another type": {RuleType, otherKey, "not an RSA key of 2048, 3072 or 4096 bits", []string{RuleKey}},
	"key unreadable": {RuleType, afterwards(func(kek *toolset.KEKPackage, _ *toolset.SecurityWorldPackage, _ *[]byte) {
		kek.PublicKey = "PEM"
	}), "not an RSA key of 2048, 3072 or 4096 bits", []string{RuleKey}},
	"more operations": {RuleOps, func(_ testing.TB, f *fixture) { f.kek.KeyOps = []string{"import", "wrapKey"} },
		`key_ops is ["import" "wrapKey"] where only import is expected`, nil},
	"other operation": {RuleOps, func(_ testing.TB, f *fixture) { f.kek.KeyOps = []string{"unwrapKey"} },
		`key_ops is ["unwrapKey"] where only import is expected`, nil},
	"expired": {RuleExpiry, func(_ testing.TB, f *fixture) { f.kek.Expires = testNow },
		"the KEK expired at 2026-02-03T04:05:06Z, and now is 2026-02-03T04:05:06Z", nil},
	"certificates not named": {RuleWorldPartition, afterwards(func(kek *toolset.KEKPackage, sw *toolset.SecurityWorldPackage, b *[]byte) {
		sw.PartitionCertificates = ""
		rebind(kek, sw, b)
	}), "partition_certificates: the owner's root is not among them", nil},
	"certificates no PEM": {RuleWorldPartition, func(_ testing.TB, f *fixture) { f.sw.PartitionCertificates = "PEM" },
		"partition_certificates: text that is no certificate in PEM", nil},
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
	"version":            {RuleFormat, attestation(func(a *toolset.Attestation) { a.Version = "MRVL-2" }), `version "MRVL-2" where MRVL-1 is expected`, unread},
	"three certificates": {RuleFormat, attestation(func(a *toolset.Attestation) { a.CertificatePEM = []byte(strings.Join(certificatesOf(a)[:3], "")) }), "3 certificates where 4 are expected", unread},
	"five certificates": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = []byte(string(a.CertificatePEM) + certificatesOf(a)[0])
	}), "5 certificates where 4 are expected", unread},
	"text before": {RuleFormat, attestation(func(a *toolset.Attestation) { a.CertificatePEM = append([]byte("HSM\n"), a.CertificatePEM...) }), "text that is no certificate in PEM", unread},
	"text behind": {RuleFormat, attestation(func(a *toolset.Attestation) { a.CertificatePEM = append(a.CertificatePEM, "-----BEGIN"...) }), "text that is no certificate in PEM", unread},
	"other PEM": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = []byte(strings.ReplaceAll(string(a.CertificatePEM), " CERTIFICATE", " X509 CRL"))
	}), "text that is no certificate in PEM", unread},
	"header in PEM": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = []byte(strings.Replace(string(a.CertificatePEM), "CERTIFICATE-----\n", "CERTIFICATE-----\nProc-Type: 4\n\n", 1))
	}), "text that is no certificate in PEM", unread},
	"block that is skipped": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = append([]byte("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"), a.CertificatePEM...)
	}), "text that is no certificate in PEM", unread},
	"no certificate": {RuleFormat, attestation(func(a *toolset.Attestation) {
		a.CertificatePEM = append([]byte("-----BEGIN CERTIFICATE-----\nUEVN\n-----END CERTIFICATE-----\n"), a.CertificatePEM...)
	}), "certificate 1 cannot be read", unread},
	"statement short": {RuleFormat, attestation(func(a *toolset.Attestation) { a.PrivateKey = a.PrivateKey[:287] }), "the private key's statement: 287 bytes are no attestation", unread},
	"statement long":  {RuleFormat, attestation(func(a *toolset.Attestation) { a.PrivateKey = make([]byte, MaxBlob+1) }), "the private key's statement: 65537 bytes are no attestation", unread},
	"statement cut":   {RuleFormat, attestation(func(a *toolset.Attestation) { a.PrivateKey = a.PrivateKey[:600] }), "the private key's statement: attribute id (0x0102) is longer than what is left", unread},
	"public short":    {RuleFormat, attestation(func(a *toolset.Attestation) { a.PublicKey = []byte{1} }), "the public key's statement: 1 bytes are no attestation", unread},
	"attribute twice": {RuleFormat, func(_ testing.TB, f *fixture) {
		o := &f.statement.Objects[0]
		o.Attributes = append(o.Attributes, Attribute{AttrExtractable, []byte{0}})
	}, "the private key's statement: attribute extractable (0x0162) appears twice", unread},
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
	v, err := f.check(t)
	if exitcode.Of(err) != exitcode.Check || len(v.Findings) != len(Rules())-1 {
		t.Errorf("%v\n%s", err, text(v.Findings))
	}
}
