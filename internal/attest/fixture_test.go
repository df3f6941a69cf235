package attest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/toolset"
)

// testKeys are made once: they take longer than all tests together.
var testKeys = sync.OnceValue(func() (keys [6]*rsa.PrivateKey) {
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// What each of testKeys is for.
const (
	rootKey = iota
	hsmKey
	partitionKey
	ownerKey
	kekKey
	strangerKey
)

var testNow = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// cert says how to make a certificate.
type cert struct {
	subject, issuer string
	key, signer     int // of testKeys
	version1        bool
	ca              bool // says CA:TRUE
	notCA           bool // says CA:FALSE
	from, to        time.Time
	algorithm       x509.SignatureAlgorithm
}

// fixture is a rehearsal's toolset before it is encoded. A test changes a part
// and then checks.
type fixture struct {
	root, hsm, partition, owner, ownerPartition cert
	claims                                      Claims
	publicClaims                                *Claims
	signer, publicSigner                        *rsa.PrivateKey
	kek                                         toolset.KEKPackage
	sw                                          toolset.SecurityWorldPackage
	policy                                      kek.Policy
	attestation                                 func(*toolset.Attestation) // changes it after it was made
	packages                                    func(k *toolset.KEKPackage, sw *toolset.SecurityWorldPackage)
	edited                                      func(sw *toolset.SecurityWorldPackage) // after the KEK package was bound to it
	genuine                                     *toolset.Attestation
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	from, to := testNow.Add(-time.Hour), testNow.Add(time.Hour)
	f := &fixture{
		root:           cert{subject: "root", issuer: "root", key: rootKey, signer: rootKey, ca: true, from: from, to: to},
		hsm:            cert{subject: "HSM:1", issuer: "root", key: hsmKey, signer: rootKey, version1: true, from: from, to: to},
		partition:      cert{subject: "HSM:1:PARTN:1", issuer: "HSM:1", key: partitionKey, signer: hsmKey, from: from, to: to},
		owner:          cert{subject: "contoso", issuer: "contoso", key: ownerKey, signer: ownerKey, ca: true, from: from, to: to},
		ownerPartition: cert{subject: "HSM:1:PARTN:1", issuer: "contoso", key: partitionKey, signer: ownerKey, notCA: true, from: from, to: to},
		signer:         testKeys()[partitionKey],
		publicSigner:   testKeys()[partitionKey],
		policy:         kek.Policy{Rehearsal: true, Now: testNow},
	}
	pub := &testKeys()[kekKey].PublicKey
	publicKey, err := keykind.MarshalPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	f.kek = toolset.KEKPackage{
		Suffix:      "CONTOSO",
		Generation:  1,
		Mark:        kek.Rehearsal,
		KID:         kek.ID{Vault: "https://localhost:8443", Name: "KEKforBYOK", Version: "664f5aa2797a4075b8e36ca4500636d8"},
		PublicKey:   publicKey,
		KTY:         "RSA-HSM",
		KeyOps:      []string{"import"},
		Enabled:     true,
		HSMPlatform: "2",
		Created:     testNow.Add(-time.Minute),
		Expires:     testNow.Add(time.Minute),
	}
	f.sw = toolset.SecurityWorldPackage{
		Suffix:     "CONTOSO",
		Generation: 1,
		Mark:       kek.Rehearsal,
		Service:    kek.ServiceManagedHSM,
		Cloud:      "AzurePublic",
		Vault:      f.kek.KID.Vault,
	}
	f.policy.Said = f.said(t)
	f.claims = NewClaims(Firmware2, f.kek.KID, pub, f.kek.KeyOps)
	return f
}

// said is what an owner says who has the very KEK in mind.
func (f *fixture) said(t testing.TB) *kek.Said {
	t.Helper()
	pub, err := keykind.ParsePublicKey(f.kek.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := keykind.SPKIHash(pub)
	if err != nil {
		t.Fatal(err)
	}
	s, err := kek.ParseSaid(sum.FirstWords(kek.LeastWords), f.kek.KID.String(), true, "Dana Okafor")
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// production turns the fixture into a toolset of the genuine attestation.
func (f *fixture) production(t testing.TB) {
	t.Helper()
	a, k := genuineParts(t)
	f.genuine = &a
	f.kek.Mark, f.sw.Mark = kek.Production, kek.Production
	f.kek.KID, f.sw.Vault = k.id, k.id.Vault
	var err error
	if f.kek.PublicKey, err = keykind.MarshalPublicKey(k.pub); err != nil {
		t.Fatal(err)
	}
	f.policy = kek.Policy{Now: at("2025-07-01"), Said: f.said(t)}
}

// unattested turns the fixture into a toolset of a Premium vault.
func (f *fixture) unattested() {
	f.sw.Service = kek.ServiceVault
	f.packages = func(k *toolset.KEKPackage, sw *toolset.SecurityWorldPackage) {
		k.Attestation, sw.PartitionCertificates = nil, ""
	}
}

// premium turns the fixture into the toolset of a production vault.
func (f *fixture) premium(t testing.TB) {
	f.unattested()
	f.kek.Mark, f.sw.Mark, f.policy.Rehearsal = kek.Production, kek.Production, false
	f.kek.KID.Vault, f.sw.Vault = "https://contoso.vault.azure.net", "https://contoso.vault.azure.net"
	f.policy.Said = f.said(t)
}

// check makes the packages and checks them.
func (f *fixture) check(t testing.TB) (Result, error) {
	t.Helper()
	return Check(f.pair(t), f.policy)
}

func (f *fixture) pair(t testing.TB) toolset.Pair {
	t.Helper()
	k, sw := f.kek, f.sw
	k.Attestation = f.attest(t)
	if sw.Service == kek.ServiceManagedHSM && sw.PartitionCertificates == "" {
		sw.PartitionCertificates = string(k.Attestation.CertificatePEM)
	}
	if sw.Mark == kek.Rehearsal && sw.RehearsalRoot == "" {
		sw.RehearsalRoot = string(f.pem(t, f.root))
	}
	if f.packages != nil {
		f.packages(&k, &sw)
	}
	k.Type, k.Version, sw.Type, sw.Version = toolset.KEKType, toolset.Version, toolset.SecurityWorldType, toolset.Version
	k.SecurityWorld = fingerprint.Of(marshal(t, sw))
	if f.edited != nil {
		f.edited(&sw)
	}
	pair, err := toolset.ParsePair(toolset.File{Name: "K", Data: marshal(t, k)}, toolset.File{Name: "W", Data: marshal(t, sw)})
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func marshal(t testing.TB, p interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	data, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (f *fixture) attest(t testing.TB) *toolset.Attestation {
	t.Helper()
	a := f.genuine
	if a == nil {
		a = &toolset.Attestation{
			Version:        attestationVersion,
			CertificatePEM: slices.Concat(f.pem(t, f.hsm), f.pem(t, f.partition), f.pem(t, f.owner), f.pem(t, f.ownerPartition)),
			PrivateKey:     sign(t, f.claims, f.signer),
		}
		if f.publicClaims != nil {
			a.PublicKey = sign(t, *f.publicClaims, f.publicSigner)
		}
	}
	if f.attestation != nil {
		f.attestation(a)
	}
	return a
}

func sign(t testing.TB, s Claims, key *rsa.PrivateKey) []byte {
	t.Helper()
	blob, err := Sign(s, key)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func (f *fixture) pem(t testing.TB, c cert) []byte {
	t.Helper()
	der := c.make(t)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func subject(s string) pkix.Name {
	return pkix.Name{Organization: []string{"REHEARSAL"}, CommonName: s}
}

// make issues the certificate. Issuer's name and key are independent, so that
// a test can have either wrong.
func (c cert) make(t testing.TB) []byte {
	t.Helper()
	keys := testKeys()
	if c.version1 {
		return c.makeVersion1(t)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(6), Subject: subject(c.subject), NotBefore: c.from, NotAfter: c.to,
		SignatureAlgorithm: c.algorithm, BasicConstraintsValid: c.ca || c.notCA, IsCA: c.ca,
	}
	if c.ca {
		template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	}
	parent := &x509.Certificate{Subject: subject(c.issuer), PublicKey: &keys[c.signer].PublicKey}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &keys[c.key].PublicKey, keys[c.signer])
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// makeVersion1 encodes what crypto/x509 does not: a certificate without
// version and extensions (RFC 5280, section 4.1), as the HSM's is.
func (c cert) makeVersion1(t testing.TB) []byte {
	t.Helper()
	keys := testKeys()
	spki, err := x509.MarshalPKIXPublicKey(&keys[c.key].PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	algorithm := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue}
	tbs, err := asn1.Marshal(struct {
		Serial    int
		Algorithm pkix.AlgorithmIdentifier
		Issuer    pkix.RDNSequence
		Validity  struct{ From, To time.Time }
		Subject   pkix.RDNSequence
		PublicKey asn1.RawValue
	}{1, algorithm, subject(c.issuer).ToRDNSequence(), struct{ From, To time.Time }{c.from, c.to}, subject(c.subject).ToRDNSequence(), asn1.RawValue{FullBytes: spki}})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(tbs)
	signature, err := rsa.SignPKCS1v15(nil, keys[c.signer], crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: tbs}, algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// set gives an attribute of the first object a value; nil takes it out.
func (f *fixture) set(t AttributeType, value []byte) {
	o := &f.claims.Objects[0]
	i := slices.IndexFunc(o.Attributes, func(a Attribute) bool { return a.Type == t })
	if value == nil {
		o.Attributes = slices.Delete(o.Attributes, i, i+1)
		return
	}
	o.Attributes[i].Value = value
}

// certificatesOf splits the PEM of an attestation.
func certificatesOf(a *toolset.Attestation) []string {
	return strings.SplitAfter(string(a.CertificatePEM), "-----END CERTIFICATE-----\n")
}
