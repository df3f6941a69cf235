package docs

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"sync"
	"testing"
	"time"

	"byok/internal/attest"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/toolset"
)

// packages are both packages of a toolset, and what they are judged with.
type packages struct {
	kek       toolset.KEKPackage
	world     toolset.SecurityWorldPackage
	root      []byte
	rehearsal bool
	now       time.Time
}

func newPackages(t *testing.T, kid kek.ID, pub *rsa.PublicKey) packages {
	t.Helper()
	text, err := keykind.MarshalPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return packages{
		kek: toolset.KEKPackage{
			Type:        toolset.KEKType,
			Version:     toolset.Version,
			Suffix:      "CONTOSO",
			Generation:  1,
			Mark:        kek.Production,
			KID:         kid,
			PublicKey:   text,
			KTY:         "RSA-HSM",
			KeyOps:      []string{kek.OpImport},
			Enabled:     true,
			HSMPlatform: "2",
		},
		world: toolset.SecurityWorldPackage{
			Type:       toolset.SecurityWorldType,
			Version:    toolset.Version,
			Suffix:     "CONTOSO",
			Generation: 1,
			Mark:       kek.Production,
			Service:    kek.ServiceManagedHSM,
			Cloud:      "AzurePublic",
			Vault:      kid.Vault,
		},
	}
}

// bind has the KEK package name the SecurityWorld package.
func (p *packages) bind(t *testing.T) {
	t.Helper()
	data, err := p.world.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	p.kek.SecurityWorld = fingerprint.Of(data)
}

// owner is what the vault's owner would say of the KEK.
func (p *packages) owner(t *testing.T) *kek.Said {
	t.Helper()
	block, _ := pem.Decode([]byte(p.kek.PublicKey))
	said, err := kek.ParseSaid(fingerprint.Of(block.Bytes).String(), p.kek.KID.String(), true, "Olga")
	if err != nil {
		t.Fatal(err)
	}
	return &said
}

func publicKey(t *testing.T, n, e string) *rsa.PublicKey {
	t.Helper()
	decode := func(s string) *big.Int {
		data, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return new(big.Int).SetBytes(data)
	}
	return &rsa.PublicKey{N: decode(n), E: int(decode(e).Int64())}
}

// Keys of the rehearsal that the faults are put into.
const (
	rootKey = iota
	hsmKey
	partitionKey
	ownerKey
	kekKey
	strangerKey
)

// keys are made once, because that takes a second.
var keys = sync.OnceValue(func() (list [6]*rsa.PrivateKey) {
	for i := range list {
		var err error
		if list[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	return list
})

// cert is a certificate to be made.
type cert struct {
	name, issuer string
	key, signer  int
	algorithm    x509.SignatureAlgorithm
	until        time.Time
	notCA        bool
}

// rehearsal is an attestation that is good until something in it is changed.
type rehearsal struct {
	packages
	root, hsm, partition, owner, ownerPartition cert
	statement                                   attest.Claims
	public                                      *attest.Claims
	statementKey                                int
}

func newRehearsal(t *testing.T, layout attest.Layout) *rehearsal {
	t.Helper()
	kid, err := kek.ParseID("https://localhost:8443/keys/KEKforBYOK/664f5aa2797a4075b8e36ca4500636d8")
	if err != nil {
		t.Fatal(err)
	}
	pub := &keys()[kekKey].PublicKey
	p := newPackages(t, kid, pub)
	p.rehearsal, p.kek.Mark, p.world.Mark = true, kek.Rehearsal, kek.Rehearsal
	p.now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p.kek.Created, p.kek.Expires = p.now.Add(-time.Hour), p.now.Add(72*time.Hour)
	made := func(name, issuer string, key, signer int) cert {
		return cert{name: name, issuer: issuer, key: key, signer: signer, algorithm: x509.SHA256WithRSA, until: p.now.AddDate(10, 0, 0)}
	}
	return &rehearsal{
		packages: p,
		root:     made("REHEARSAL root", "REHEARSAL root", rootKey, rootKey), hsm: made("HSM", "REHEARSAL root", hsmKey, rootKey),
		partition: made("HSM:PARTN", "HSM", partitionKey, hsmKey), owner: made("contoso", "contoso", ownerKey, ownerKey),
		ownerPartition: made("HSM:PARTN", "contoso", partitionKey, ownerKey),
		statement:      attest.NewClaims(layout, kid, pub, []string{"import"}), statementKey: partitionKey,
	}
}

func (c cert) pem(t *testing.T) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.name}, NotBefore: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: c.until,
		SignatureAlgorithm: c.algorithm, BasicConstraintsValid: true, IsCA: !c.notCA,
	}
	parent := &x509.Certificate{Subject: pkix.Name{CommonName: c.issuer}}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &keys()[c.key].PublicKey, keys()[c.signer])
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// build signs everything and puts it into the packages.
func (r *rehearsal) build(t *testing.T) packages {
	t.Helper()
	p := r.packages
	p.root = r.root.pem(t)
	p.world.RehearsalRoot = string(p.root)
	certificates := bytes.Join([][]byte{r.hsm.pem(t), r.partition.pem(t), r.owner.pem(t), r.ownerPartition.pem(t)}, nil)
	p.kek.Attestation = &toolset.Attestation{CertificatePEM: certificates, PrivateKey: r.sign(t, r.statement), Version: "MRVL-1"}
	if r.public != nil {
		p.kek.Attestation.PublicKey = r.sign(t, *r.public)
	}
	p.world.PartitionCertificates = string(certificates)
	p.bind(t)
	return p
}

func (r *rehearsal) sign(t *testing.T, s attest.Claims) []byte {
	t.Helper()
	blob, err := attest.Sign(s, keys()[r.statementKey])
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

// set gives an attribute another value, or takes it out for nil.
func set(s *attest.Claims, kind attest.AttributeType, value []byte) {
	var kept []attest.Attribute
	for _, a := range s.Objects[0].Attributes {
		if a.Type == kind {
			a.Value = value
		}
		if a.Value != nil {
			kept = append(kept, a)
		}
	}
	s.Objects[0].Attributes = kept
}

// public is a statement on the public key.
func (r *rehearsal) statePublic(layout attest.Layout) attest.Claims {
	s := attest.NewClaims(layout, r.kek.KID, &keys()[kekKey].PublicKey, nil)
	set(&s, attest.AttrClass, []byte{2})
	return s
}
