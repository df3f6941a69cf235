// Package partition is the HSM partition that a rehearsal of a Managed HSM
// attests keys with: certificates in the real one's shape, under a root that is
// made for one state folder and says REHEARSAL in every name.
package partition

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"byok/internal/stamp"
)

// HSM is a partition's identity as Managed HSM shows it. Key signs attestations;
// the keys above it were used once and are gone.
type HSM struct {
	Root         []byte // PEM; what a verifier pins
	Certificates []byte // PEM of four: HSM, partition by HSM, pool root, partition by pool root
	Key          *rsa.PrivateKey
}

// Read reads what Encode wrote.
func Read(data []byte) (c HSM, err error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "RSA PRIVATE KEY" {
		return c, errors.New("no partition key in it")
	}
	if c.Key, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
		return c, errors.New("the partition key cannot be read")
	}
	root, certificates := pem.Decode(rest)
	if root == nil || bytes.Count(certificates, []byte("BEGIN CERTIFICATE")) != 4 {
		return c, errors.New("expected a root and four certificates")
	}
	c.Root, c.Certificates = pem.EncodeToMemory(root), certificates
	return c, nil
}

// Encode returns c as PEM: the key, the root, the certificates.
func (c HSM) Encode() []byte {
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(c.Key)})
	return append(append(key, c.Root...), c.Certificates...)
}

// New makes the identity of a rehearsal's HSM with the real one's shape:
// the HSM's certificate is X.509 v1, the partition's is issued twice for one
// key, and the pool's root names the pool. Every subject says REHEARSAL.
func New() (HSM, error) { return made(newKey) }

// keyMaker makes the key of a certificate: newKey, except in tests.
type keyMaker func() (*rsa.PrivateKey, error)

func made(newKey keyMaker) (HSM, error) {
	root, err := newIssuer("REHEARSAL attestation root", newKey)
	if err != nil {
		return HSM{}, err
	}
	hsm, err := root.issueHSM("HSM:REHEARSAL", newKey)
	if err != nil {
		return HSM{}, err
	}
	pool, err := newIssuer("REHEARSAL pool localhost", newKey)
	if err != nil {
		return HSM{}, err
	}
	key, err := newKey()
	if err != nil {
		return HSM{}, err
	}
	name := fmt.Sprintf("HSM:%.15X:PARTN:1, REHEARSAL", sha256.Sum256(key.N.Bytes()))
	byHSM, err := hsm.issue(name, &key.PublicKey)
	if err != nil {
		return HSM{}, err
	}
	byPool, err := pool.issue(name, &key.PublicKey)
	if err != nil {
		return HSM{}, err
	}
	return HSM{
		Root:         encodeCertificates(root.certificate),
		Certificates: encodeCertificates(hsm.certificate, byHSM, pool.certificate, byPool),
		Key:          key,
	}, nil
}

func encodeCertificates(certificates ...*x509.Certificate) (out []byte) {
	for _, c := range certificates {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// issuer is a certificate with its key, for as long as the HSM is made.
type issuer struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

// newIssuer makes a root.
func newIssuer(name string, newKey keyMaker) (issuer, error) {
	key, err := newKey()
	if err != nil {
		return issuer{}, err
	}
	t := template(name)
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign
	certificate, err := issuer{t, key}.sign(t, &key.PublicKey)
	return issuer{certificate, key}, err
}

func (i issuer) issue(name string, public *rsa.PublicKey) (*x509.Certificate, error) {
	return i.sign(template(name), public)
}

func (i issuer) sign(t *x509.Certificate, public *rsa.PublicKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, i.certificate, public, i.key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// template is valid for ten years, as the real HSM's certificate.
func template(name string) *x509.Certificate {
	from := stamp.Now().Add(-time.Hour)
	return &x509.Certificate{
		Subject: subject(name), SignatureAlgorithm: x509.SHA256WithRSA,
		NotBefore: from, NotAfter: from.AddDate(10, 0, 0),
	}
}

func subject(name string) pkix.Name {
	return pkix.Name{Organization: []string{"REHEARSAL"}, CommonName: name}
}

// tbsV1 is TBSCertificate of X.509 v1: no version, no extensions (RFC 5280,
// section 4.1).
type tbsV1 struct {
	Serial    *big.Int
	Algorithm pkix.AlgorithmIdentifier
	Issuer    asn1.RawValue
	Validity  struct{ NotBefore, NotAfter time.Time }
	Subject   pkix.RDNSequence
	PublicKey asn1.RawValue
}

type signedCertificate struct {
	TBS       asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

// issueHSM issues a certificate of version 1, which crypto/x509 reads but does
// not write; it is why x509.Verify refuses the real chain.
func (i issuer) issueHSM(name string, newKey keyMaker) (issuer, error) {
	key, err := newKey()
	if err != nil {
		return issuer{}, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return issuer{}, err
	}
	t := template(name)
	sha256WithRSA := pkix.AlgorithmIdentifier{
		Algorithm:  asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11},
		Parameters: asn1.NullRawValue,
	}
	body := tbsV1{
		Serial: serial(), Algorithm: sha256WithRSA, Subject: t.Subject.ToRDNSequence(),
		Issuer: asn1.RawValue{FullBytes: i.certificate.RawSubject}, PublicKey: asn1.RawValue{FullBytes: spki},
	}
	body.Validity.NotBefore, body.Validity.NotAfter = t.NotBefore, t.NotAfter
	tbs, err := asn1.Marshal(body)
	if err != nil {
		return issuer{}, err
	}
	digest := sha256.Sum256(tbs)
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, digest[:])
	if err != nil {
		return issuer{}, err
	}
	der, err := asn1.Marshal(signedCertificate{
		asn1.RawValue{FullBytes: tbs},
		sha256WithRSA,
		asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)},
	})
	if err != nil {
		return issuer{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	return issuer{certificate, key}, err
}

// serial returns a random positive serial number of 126 bits.
func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126)) // never fails, see crypto/rand
	return n.Add(n, big.NewInt(1))
}
