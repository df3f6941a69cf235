package attest

import (
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"slices"
	"testing"
	"time"

	"byok/internal/toolset"
)

// move gives a certificate another time, name or key.
func move(pick func(*fixture) *cert, change func(*cert)) func(testing.TB, *fixture) {
	return func(_ testing.TB, f *fixture) { change(pick(f)) }
}

func hsm(f *fixture) *cert            { return &f.hsm }
func partition(f *fixture) *cert      { return &f.partition }
func owner(f *fixture) *cert          { return &f.owner }
func ownerPartition(f *fixture) *cert { return &f.ownerPartition }
func root(f *fixture) *cert           { return &f.root }

func by(stranger int) func(*cert) { return func(c *cert) { c.signer = stranger } }

const (
	now     = ", and now is 2026-02-03T04:05:06Z"
	ended   = " was valid until 2026-02-03T04:05:05Z" + now
	ahead   = " is valid from 2026-02-03T04:05:07Z" + now
	notSame = "the two certificates of the partition hold different keys"
)

func old(c *cert)   { c.to = testNow.Add(-time.Second) }
func young(c *cert) { c.from = testNow.Add(time.Second) }

var certificateFaults = map[string]fault{
	"HSM of another root": {RuleChain, move(hsm, func(c *cert) { c.issuer = "elsewhere" }),
		"no certificate names as its issuer a root that is trusted here", []string{RulePartition, RuleDates, RuleSignature}},
	"HSM of a root's namesake": {RuleChain, move(hsm, by(strangerKey)), `the HSM's certificate is not issued by the root "root": the signature is not the issuer's`, []string{RulePartition, RuleSignature}},
	"partition of another HSM": {RuleChain, move(partition, func(c *cert) { c.issuer = "HSM:2" }),
		"the partition's certificate is not issued by the HSM: none names it as the issuer", []string{RulePartition, RuleSignature}},
	"partition by another key": {RuleChain, move(partition, by(strangerKey)), "the partition's certificate is not issued by the HSM: the signature is not the issuer's", nil},
	"HSM is no issuer": {RuleChain, move(hsm, func(c *cert) { c.version1, c.notCA = false, true }),
		"the partition's certificate is not issued by the HSM: the issuer's certificate says that it may not issue any", nil},
	"root is no issuer": {RuleChain, move(root, func(c *cert) { c.ca, c.notCA = false, true }),
		`the HSM's certificate is not issued by the root "root": the issuer's certificate says that it may not issue any`, []string{RulePartition, RuleSignature}},
	"root unreadable": {RuleChain, func(_ testing.TB, f *fixture) { f.sw.RehearsalRoot = "PEM" }, "rehearsal_root is not one certificate in PEM", []string{RulePartition, RuleDates, RuleSignature}},
	"two roots": {RuleChain, func(t testing.TB, f *fixture) {
		f.sw.RehearsalRoot = string(slices.Concat(f.pem(t, f.root), f.pem(t, f.owner)))
	}, "rehearsal_root is not one certificate in PEM", []string{RulePartition, RuleDates, RuleSignature}},
	"owner not self-signed": {RuleOwner, move(owner, func(c *cert) { c.issuer, c.signer = "root", rootKey }),
		"no certificate is the owner's root: none names itself as its issuer", []string{RuleWorldPartition, RulePartition}},
	"owner by another key":  {RuleOwner, move(owner, by(strangerKey)), "the owner's root is not issued by itself: the signature is not the issuer's", []string{RulePartition}},
	"owner is no issuer":    {RuleOwner, move(owner, func(c *cert) { c.ca, c.notCA = false, true }), "the owner's root is not issued by itself: the issuer's certificate says that it may not issue any", []string{RulePartition}},
	"other by another key":  {RuleOwner, move(ownerPartition, by(strangerKey)), "the partition's other certificate is not issued by the owner's root: the signature is not the issuer's", nil},
	"other of another name": {RuleOwner, move(ownerPartition, func(c *cert) { c.issuer = "fabrikam" }), "the partition's other certificate is not issued by the owner's root: none names it as the issuer", []string{RulePartition}},
	"two partitions":        {RulePartition, move(ownerPartition, func(c *cert) { c.key = strangerKey }), notSame, nil},
	"root expired":          {RuleDates, move(root, old), `the certificate of "root" by "root"` + ended, nil},
	"HSM expired":           {RuleDates, move(hsm, old), `the certificate of "HSM:1" by "root"` + ended, nil},
	"partition expired":     {RuleDates, move(partition, old), `the certificate of "HSM:1:PARTN:1" by "HSM:1"` + ended, nil},
	"owner expired":         {RuleDates, move(owner, old), `the certificate of "contoso" by "contoso"` + ended, nil},
	"other expired":         {RuleDates, move(ownerPartition, old), `the certificate of "HSM:1:PARTN:1" by "contoso"` + ended, nil},
	"root not yet":          {RuleDates, move(root, young), `the certificate of "root" by "root"` + ahead, nil},
	"HSM not yet":           {RuleDates, move(hsm, young), `the certificate of "HSM:1" by "root"` + ahead, nil},
	"partition not yet":     {RuleDates, move(partition, young), `the certificate of "HSM:1:PARTN:1" by "HSM:1"` + ahead, nil},
	"owner not yet":         {RuleDates, move(owner, young), `the certificate of "contoso" by "contoso"` + ahead, nil},
	"other not yet":         {RuleDates, move(ownerPartition, young), `the certificate of "HSM:1:PARTN:1" by "contoso"` + ahead, nil},
	"root in place of the partition": {RuleChain, func(t testing.TB, f *fixture) {
		f.attestation = func(a *toolset.Attestation) {
			a.CertificatePEM = slices.Concat(f.pem(t, f.owner), f.pem(t, f.root), f.pem(t, f.ownerPartition), f.pem(t, f.hsm))
		}
		f.packages = func(k *toolset.KEKPackage, sw *toolset.SecurityWorldPackage) {
			sw.RehearsalRoot = string(f.pem(t, f.root))
		}
	}, "the partition's certificate is not issued by the HSM: none names it as the issuer", []string{RulePartition, RuleSignature}},
}

// TestWeakAlgorithms has certificates that crypto/x509 does not make, though
// Certificate.CheckSignature accepts SHA-1.
func TestWeakAlgorithms(t *testing.T) {
	f := newFixture(t)
	parse := func(c cert) *x509.Certificate {
		parsed, err := x509.ParseCertificate(c.make(t))
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	child, parent := parse(f.partition), parse(f.hsm)
	child.SignatureAlgorithm = x509.SHA1WithRSA
	if err := issued(child, parent); err == nil || err.Error() != "it is signed with SHA1-RSA, not RSA and SHA-2" {
		t.Error(err)
	}
	child = parse(f.partition)
	parent.PublicKey = &rsa.PublicKey{N: big.NewInt(1<<31 - 1), E: 3}
	if err := issued(child, parent); err == nil || err.Error() != "the issuer's RSA key has 31 bits" {
		t.Error(err)
	}
	parent.PublicKey = "no RSA key"
	if err := issued(child, parent); err == nil || err.Error() != "the issuer's RSA key has 0 bits" {
		t.Error(err)
	}
	c := certificates{partition: parent, ownerPartition: parent}
	if _, err := c.partitionKey(); err == nil || err.Error() != "the partition's key is not RSA 2048" {
		t.Error(err)
	}
	e := evidence{certificates: c}
	if err := e.verify(&signed{}); err == nil || err.Error() != "the partition's key is not RSA 2048" {
		t.Error(err)
	}
}
