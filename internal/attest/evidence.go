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
	"byok/internal/stamp"
	"byok/internal/toolset"
)

// attestationVersion is the one the service has given so far.
const attestationVersion = "MRVL-1"

// evidence is an attestation that was read, and what it is held against.
type evidence struct {
	certificates
	private, public *signed // public is nil where the service gave none
	key             Object  // the private key's, or what stands in its place
	complete        bool    // read has had no error
	now             time.Time
}

// signed is a statement with the bytes that its signature is over.
type signed struct {
	Statement
	body, signature []byte
}

// read reads all parts of an attestation, and verifies none.
func (e *evidence) read(a toolset.Attestation) (detail string, err error) {
	if a.Version != attestationVersion {
		return "", fmt.Errorf("version %s where %s is expected", name(a.Version), attestationVersion)
	}
	if e.certificates, err = readCertificates(a.CertificatePEM); err != nil {
		return "", err
	}
	if e.private, err = readSigned(a.PrivateKey); err != nil {
		return "", fmt.Errorf("the private key's statement: %w", err)
	}
	if len(a.PublicKey) > 0 {
		if e.public, err = readSigned(a.PublicKey); err != nil {
			return "", fmt.Errorf("the public key's statement: %w", err)
		}
	}
	isPrivate := func(o Object) bool { return o.is(classPrivate) == nil }
	e.key = e.private.Objects[max(0, slices.IndexFunc(e.private.Objects, isPrivate))]
	e.complete = true
	return fmt.Sprintf("%s, of firmware %d, %d attributes", a.Version, e.private.Layout, len(e.key.Attributes)), nil
}

func readSigned(blob []byte) (*signed, error) {
	s, signature, err := Parse(blob)
	if err != nil {
		return nil, err
	}
	return &signed{s, blob[:len(blob)-signatureSize], signature}, nil
}

func (e *evidence) checkChain(roots func() ([]*x509.Certificate, error)) (string, error) {
	trusted, err := roots()
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
		return errors.New("the partition's key is not of RSA 2048")
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
		return "", errors.New("two private keys in one statement")
	}
	id, _ := e.key.id() // RuleID judges it
	return "a private RSA key, " + name(id), e.key.is(classPrivate)
}

func (e *evidence) checkKey(pub *rsa.PublicKey) (string, error) {
	return "modulus and exponent are the KEK's", sameKey(e.key, pub)
}

// sameKey compares the attested key with one that is known.
func sameKey(o Object, pub *rsa.PublicKey) error {
	attested, err := o.publicKey()
	switch {
	case err != nil:
		return err
	case attested.N.Cmp(pub.N) != 0:
		return errors.New("the statement is on a key with another modulus")
	case attested.E != pub.E:
		return fmt.Errorf("the statement is on a key with the exponent %d, not %d", attested.E, pub.E)
	}
	return nil
}

func (e *evidence) checkID(kid kek.ID) (string, error) {
	id, err := e.key.id()
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(id, kid.Path()) {
		return "", fmt.Errorf("the statement is on %s, not on %s", name(id), name(kid.Path()))
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

// checkUsage lets only sign recover be unstated: firmware 3 does not list it.
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

// checkPublic looks at every public key that is stated on, in a statement of
// its own or beside the private key.
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
		return "nothing is stated on the public key", nil
	}
	return "the same key", nil
}

// checkNamed holds the certificates of a SecurityWorld package to the
// attestation's: all of them among the four, the owner's root among them.
func (e *evidence) checkNamed(text string) (string, error) {
	list, err := readPEM([]byte(text))
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
	return fmt.Sprintf("%d certificates", len(list)), nil
}
