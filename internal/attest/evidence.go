package attest

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"byok/internal/kek"
	"byok/internal/pemfile"
	"byok/internal/printable"
	"byok/internal/stamp"
	"byok/internal/toolset"
)

// attestationVersion is the one the service has given so far.
const attestationVersion = "MRVL-1"

// evidence is an attestation that was read, and what it is compared with.
type evidence struct {
	now     time.Time
	roots   func() ([]*x509.Certificate, error)
	subject *attestedKey // nil if it is not known which key is attested
	forKEK  bool         // the key is to be a KEK

	certificates
	private, public *signed // public is nil where the service gave none
	key             Object  // the private key's, or what takes its place
	complete        bool    // read had no error
}

// attestedKey is the key that must be the attested one.
type attestedKey struct {
	id  kek.ID
	pub *rsa.PublicKey
}

// signed are claims with the bytes that their signature covers.
type signed struct {
	Claims
	body, signature []byte
}

// read reads all parts of an attestation, and verifies none.
func (e *evidence) read(a toolset.Attestation) (detail string, err error) {
	if a.Version != attestationVersion {
		return "", fmt.Errorf("version %s, expected %s", name(a.Version), attestationVersion)
	}
	if e.certificates, err = readCertificates(a.CertificatePEM); err != nil {
		return "", err
	}
	if e.private, err = readSigned(a.PrivateKey); err != nil {
		return "", fmt.Errorf("the private key's claims: %w", err)
	}
	if len(a.PublicKey) > 0 {
		if e.public, err = readSigned(a.PublicKey); err != nil {
			return "", fmt.Errorf("the public key's claims: %w", err)
		}
	}
	isPrivate := func(o Object) bool { return o.is(classPrivate) == nil }
	e.key = e.private.Objects[max(0, slices.IndexFunc(e.private.Objects, isPrivate))]
	e.complete = true
	return fmt.Sprintf("%s, of firmware %d, %s", a.Version, e.private.Layout,
		printable.Count(len(e.key.Attributes), "attribute")), nil
}

func readSigned(blob []byte) (*signed, error) {
	c, signature, err := Parse(blob)
	if err != nil {
		return nil, err
	}
	return &signed{c, blob[:len(blob)-signatureSize], signature}, nil
}

func (e *evidence) checkChain() (string, error) {
	trusted, err := e.roots()
	if err != nil {
		return "", err
	}
	if err := e.findChain(trusted); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, issued by %s", name(e.hsm.Subject.CommonName), name(e.root.Subject.CommonName)), nil
}

func (e *evidence) checkOwner() (string, error) {
	if err := e.findOwner(); err != nil {
		return "", err
	}
	return "owner " + name(e.owner.Subject.CommonName), nil
}

func (e *evidence) checkPartition() (string, error) {
	if _, err := e.partitionKey(); err != nil {
		return "", err
	}
	return name(e.partition.Subject.CommonName), nil
}

func (e *evidence) checkDates() (string, error) {
	if e.root == nil {
		return "", errors.New("not checked: the chain has no root")
	}
	until, err := e.dates(e.now)
	return "until " + stamp.Text(until), err
}

func (e *evidence) checkSignature() (string, error) {
	return "RSA 2048, SHA-256", e.verify(e.private)
}

// verify uses the key of the vendor's chain; RulePartition says whether the
// owner's chain has the same.
func (e *evidence) verify(s *signed) error {
	if e.partition == nil {
		return errors.New("not checked: the chain has no partition")
	}
	key, ok := e.partition.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the partition's key is not RSA 2048")
	}
	return checkSignature(s.Layout, key, s.body, s.signature)
}

func (e *evidence) checkClass() (string, error) {
	private := 0
	for _, o := range e.private.Objects {
		if n, err := o.number(AttrClass); err == nil && n == classPrivate {
			private++
		}
	}
	if private > 1 {
		return "", errors.New("two private keys are attested")
	}
	id, _ := e.key.id() // RuleID judges it
	return "a private RSA key, " + name(id), e.key.is(classPrivate)
}

func (e *evidence) checkKey() (string, error) {
	return "modulus and exponent are the KEK's", sameKey(e.key, e.subject.pub)
}

// sameKey compares the attested key with one that is known.
func sameKey(o Object, pub *rsa.PublicKey) error {
	attested, err := o.publicKey()
	switch {
	case err != nil:
		return err
	case attested.N.Cmp(pub.N) != 0:
		return errors.New("the attested key has another modulus")
	case attested.E != pub.E:
		return fmt.Errorf("the attested key has the exponent %d, not %d", attested.E, pub.E)
	}
	return nil
}

func (e *evidence) checkID() (string, error) {
	id, err := e.key.id()
	if err != nil {
		return "", err
	}
	if want := e.subject.id.Path(); !strings.EqualFold(id, want) {
		return "", fmt.Errorf("the attested key is %s, not %s", name(id), name(want))
	}
	return id, nil
}

func (e *evidence) checkSensitive() (string, error) {
	return "sensitive, always sensitive", e.key.require(true, AttrSensitive, AttrAlwaysSensitive)
}

func (e *evidence) checkExtractable() (string, error) {
	if err := e.key.require(false, AttrExtractable); err != nil {
		return "", err
	}
	return "not extractable, never extractable", e.key.require(true, AttrNeverExtractable)
}

func (e *evidence) checkLocal() (string, error) {
	return "generated on the HSM", e.key.require(true, AttrLocal)
}

// checkUsage lets only sign recover be missing: firmware 3 does not list it.
func (e *evidence) checkUsage() (string, error) {
	if err := e.key.require(true, AttrUnwrap); err != nil {
		return "", err
	}
	forbidden := []AttributeType{AttrDecrypt, AttrSign, AttrDerive}
	if _, absent := e.key.value(AttrSignRecover); absent == nil {
		forbidden = append(forbidden, AttrSignRecover)
	}
	return "unwrap only", e.key.require(false, forbidden...)
}

// checkPublic looks at every attested public key, in claims of its own or beside
// the private key.
func (e *evidence) checkPublic() (string, error) {
	var publics []Object
	for _, o := range e.private.Objects {
		if o.is(classPublic) == nil {
			publics = append(publics, o)
		}
	}
	if e.public != nil {
		if err := e.verify(e.public); err != nil {
			return "", err
		}
		publics = append(publics, e.public.Objects...)
	}
	pub, err := e.key.publicKey()
	if err != nil {
		return "", err
	}
	for _, o := range publics {
		if err := o.is(classPublic); err != nil {
			return "", err
		}
		if err := sameKey(o, pub); err != nil {
			return "", err
		}
	}
	if len(publics) == 0 {
		return "no public key is attested", nil
	}
	return "the same key", nil
}

// checkNamed compares the certificates of a SecurityWorld package with the
// attestation's: all of them must be among the four, the owner's root included.
func (e *evidence) checkNamed(text string) (string, error) {
	list, err := pemfile.Certificates([]byte(text))
	if err != nil {
		return "", fmt.Errorf("partition_certificates: %w", err)
	}
	owner := false
	for i, c := range list {
		owner = owner || c.Equal(e.owner)
		if !slices.ContainsFunc(e.list, c.Equal) {
			return "", fmt.Errorf("partition_certificates: certificate %d is not in the attestation", i+1)
		}
	}
	if !owner {
		return "", errors.New("partition_certificates: the owner's root is not among them")
	}
	return printable.Count(len(list), "certificate"), nil
}
