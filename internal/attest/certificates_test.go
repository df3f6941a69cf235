package attest

import (
	"crypto/rsa"
	"crypto/x509"
	"math/big"
	"slices"
	"strings"
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

func exchange(i, j int) func(testing.TB, *fixture) {
	return attestation(func(a *toolset.Attestation) {
		list := certificatesOf(a)
		list[i], list[j] = list[j], list[i]
		a.CertificatePEM = []byte(strings.Join(list, ""))
	})
}

var certificateFaults = map[string]fault{
	"HSM of another root": {RuleChain, move(hsm, func(c *cert) { c.issuer = "elsewhere" }),
		`the HSM's certificate is issued by "elsewhere", which is no root that is known here`, []string{RuleDates}},
	"HSM of a root's namesake": {RuleChain, move(hsm, by(strangerKey)), `the HSM's certificate is not issued by the root "root": the signature is not the issuer's`, []string{RuleDates}},
	"partition of another HSM": {RuleChain, move(partition, func(c *cert) { c.issuer = "HSM:2" }),
		"the partition's certificate is not issued by the HSM: it names another issuer", []string{RuleDates}},
	"partition by another key": {RuleChain, move(partition, by(strangerKey)), "the partition's certificate is not issued by the HSM: the signature is not the issuer's", []string{RuleDates}},
	"HSM is no issuer": {RuleChain, move(hsm, func(c *cert) { c.version1, c.notCA = false, true }),
		"the partition's certificate is not issued by the HSM: the issuer's certificate says that it may not issue any", []string{RuleDates}},
	"root is no issuer": {RuleChain, move(root, func(c *cert) { c.ca, c.notCA = false, true }),
		`the HSM's certificate is not issued by the root "root": the issuer's certificate says that it may not issue any`, []string{RuleDates}},
	"root unreadable": {RuleChain, func(_ testing.TB, f *fixture) { f.sw.RehearsalRoot = "PEM" }, "rehearsal_root is not one certificate in PEM", []string{RuleDates}},
	"two roots": {RuleChain, func(t testing.TB, f *fixture) {
		f.sw.RehearsalRoot = string(slices.Concat(f.pem(t, f.root), f.pem(t, f.owner)))
	}, "rehearsal_root is not one certificate in PEM", []string{RuleDates}},
	"owner not self-signed": {RuleOwner, move(owner, func(c *cert) { c.issuer, c.signer = "root", rootKey }),
		"the owner's root is not issued by itself: it names another issuer", nil},
	"owner by another key":  {RuleOwner, move(owner, by(strangerKey)), "the owner's root is not issued by itself: the signature is not the issuer's", nil},
	"owner is no issuer":    {RuleOwner, move(owner, func(c *cert) { c.ca, c.notCA = false, true }), "the owner's root is not issued by itself: the issuer's certificate says that it may not issue any", nil},
	"other by another key":  {RuleOwner, move(ownerPartition, by(strangerKey)), "the partition's other certificate is not issued by the owner's root: the signature is not the issuer's", nil},
	"other of another name": {RuleOwner, move(ownerPartition, func(c *cert) { c.issuer = "fabrikam" }), "the partition's other certificate is not issued by the owner's root: it names another issuer", nil},
	"two partitions":        {RulePartition, move(ownerPartition, func(c *cert) { c.key = strangerKey }), notSame, nil},
	"root expired":          {RuleDates, move(root, old), "the root's certificate" + ended, nil},
	"HSM expired":           {RuleDates, move(hsm, old), "the HSM's certificate" + ended, nil},
	"partition expired":     {RuleDates, move(partition, old), "the partition's certificate" + ended, nil},
	"owner expired":         {RuleDates, move(owner, old), "the owner's certificate" + ended, nil},
	"other expired":         {RuleDates, move(ownerPartition, old), "the partition's other certificate" + ended, nil},
	"root not yet":          {RuleDates, move(root, young), "the root's certificate" + ahead, nil},
	"HSM not yet":           {RuleDates, move(hsm, young), "the HSM's certificate" + ahead, nil},
	"partition not yet":     {RuleDates, move(partition, young), "the partition's certificate" + ahead, nil},
	"owner not yet":         {RuleDates, move(owner, young), "the owner's certificate" + ahead, nil},
	"other not yet":         {RuleDates, move(ownerPartition, young), "the partition's other certificate" + ahead, nil},
	"HSM and owner": {RuleChain, exchange(0, 2), `the HSM's certificate is issued by "contoso", which is no root that is known here`,
		[]string{RuleOwner, RuleDates}},
	"partition and other": {RuleChain, exchange(1, 3), "the partition's certificate is not issued by the HSM: it names another issuer",
		[]string{RuleOwner, RuleDates}},
	"HSM and partition": {RuleSignature, exchange(0, 1), "the signature is not the partition key's over this statement",
		[]string{RuleChain, RulePartition, RuleDates}},
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
	if _, err := c.partitionKey(); err == nil || err.Error() != "the partition's key is not of RSA 2048" {
		t.Error(err)
	}
	e := evidence{certificates: c}
	if err := e.verify(&signed{}); err == nil || err.Error() != "the partition's key is not of RSA 2048" {
		t.Error(err)
	}
}
