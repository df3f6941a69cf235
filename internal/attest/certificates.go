package attest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"time"

	"byok/internal/pemfile"
	"byok/internal/stamp"
)

// The vendor's self-signed roots, from marvell.com ("LiquidSecurity HSM
// adapters and appliances", certificates), valid to July 2034. Their SHA-256:
//
//	LiquidSecurity   230143df00e0b452743e068a5b3fc08df8f06cefc4854ea627aeb7ebd70ee2f4
//	LiquidSecurity 2 17644de0d33bc73b2f4ef4c20a11f6c8cc1f723a4cd83ee600361cbb24d8d2e5
var (
	//go:embed roots/marvell-liquidsecurity-root-2034.pem
	liquidSecurity []byte
	//go:embed roots/marvell-ls2-root-2034.pem
	liquidSecurity2 []byte
)

// pinnedRoots are the only roots that production knows.
func pinnedRoots() ([]*x509.Certificate, error) {
	return pemfile.Certificates(slices.Concat(liquidSecurity, liquidSecurity2))
}

// certificates are the four of an attestation. The service gives them in one
// order, but an order proves nothing: each is found by the issuer that it names
// and that has signed it. Where none is signed by its issuer, the field holds
// the first that names it, so that the other rules can still be applied; nil if
// there is none.
type certificates struct {
	list []*x509.Certificate // all four, in the order of the attestation

	root           *x509.Certificate // pinned; the issuer of hsm
	hsm            *x509.Certificate // of the HSM, issued by the vendor's root; X.509 v1
	partition      *x509.Certificate // of the partition, issued by the HSM
	owner          *x509.Certificate // of the owner of the partition, self-signed
	ownerPartition *x509.Certificate // of the partition, issued by its owner
}

// readCertificates reads four different certificates, any of which may come
// more than once.
func readCertificates(text []byte) (certificates, error) {
	all, err := pemfile.Certificates(text)
	if err != nil {
		return certificates{}, err
	}
	var list []*x509.Certificate
	for _, c := range all {
		if !slices.ContainsFunc(list, c.Equal) {
			list = append(list, c)
		}
	}
	if len(list) != 4 {
		return certificates{}, fmt.Errorf("%d different certificates; 4 are required", len(list))
	}
	return certificates{list: list}, nil
}

// findChain finds the two links from a root to the partition.
func (c *certificates) findChain(roots []*x509.Certificate) (err error) {
	for _, root := range roots {
		if c.hsm, err = c.issuedBy(root); c.hsm != nil {
			c.root = root
			break
		}
	}
	switch {
	case c.hsm == nil:
		return errors.New("no certificate names as its issuer a root that is trusted here")
	case err != nil:
		return fmt.Errorf("the HSM's certificate is not issued by the root %s: %w", name(c.root.Subject.CommonName),
			err)
	}
	if c.partition, err = c.issuedBy(c.hsm); err != nil {
		return fmt.Errorf("the partition's certificate is not issued by the HSM: %w", err)
	}
	return nil
}

// findOwner finds the owner's root and its one link.
func (c *certificates) findOwner() (err error) {
	for _, own := range c.list {
		if !bytes.Equal(own.RawIssuer, own.RawSubject) || own.Equal(c.root) {
			continue
		}
		c.owner = own
		if err = issued(own, own); err == nil {
			break
		}
	}
	switch {
	case c.owner == nil:
		return errors.New("no certificate is the owner's root: none names itself as its issuer")
	case err != nil:
		return fmt.Errorf("the owner's root is not issued by itself: %w", err)
	}
	if c.ownerPartition, err = c.issuedBy(c.owner); err != nil {
		return fmt.Errorf("the partition's other certificate is not issued by the owner's root: %w", err)
	}
	return nil
}

// issuedBy returns the certificate that the parent has issued. With an error,
// it returns the first that names the parent without being issued by it, or
// nil if none does.
func (c *certificates) issuedBy(parent *x509.Certificate) (*x509.Certificate, error) {
	var namesake *x509.Certificate
	reason := errors.New("none names it as the issuer")
	for _, child := range c.list {
		if child.Equal(parent) || !bytes.Equal(child.RawIssuer, parent.RawSubject) {
			continue
		}
		err := issued(child, parent)
		if err == nil {
			return child, nil
		}
		if namesake == nil {
			namesake, reason = child, err
		}
	}
	return namesake, reason
}

// issued checks one link between two certificates whose names fit. x509.Verify cannot: it refuses the HSM's certificate
// as an issuer, because version 1 has no basicConstraints. A certificate that
// has them must not deny being an issuer.
func issued(child, parent *x509.Certificate) error {
	switch {
	case parent.BasicConstraintsValid && !parent.IsCA,
		parent.KeyUsage != 0 && parent.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("the issuer's certificate says that it may not issue any")
	case !strong(child.SignatureAlgorithm):
		return fmt.Errorf("it is signed with %s, not RSA and SHA-2", child.SignatureAlgorithm)
	case bits(parent) < 2048:
		return fmt.Errorf("the issuer's RSA key has %d bits", bits(parent))
	case parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) != nil:
		return errors.New("the signature is not the issuer's")
	}
	return nil
}

// strong leaves out SHA-1, which Certificate.CheckSignature would accept.
func strong(a x509.SignatureAlgorithm) bool {
	return a == x509.SHA256WithRSA || a == x509.SHA384WithRSA || a == x509.SHA512WithRSA
}

// bits is the length of a certificate's RSA key, 0 for a key of another type.
func bits(c *x509.Certificate) int {
	if key, ok := c.PublicKey.(*rsa.PublicKey); ok {
		return key.N.BitLen()
	}
	return 0
}

// partitionKey returns the key that signs the claims, if both certificates of
// the partition hold it.
func (c *certificates) partitionKey() (*rsa.PublicKey, error) {
	if c.partition == nil || c.ownerPartition == nil {
		return nil, errors.New("not checked: a certificate of the partition is missing")
	}
	key, ok := c.partition.PublicKey.(*rsa.PublicKey)
	if !ok || key.Size() != signatureSize {
		return nil, errors.New("the partition's key is not RSA 2048")
	}
	if !bytes.Equal(c.partition.RawSubjectPublicKeyInfo, c.ownerPartition.RawSubjectPublicKeyInfo) {
		return nil, errors.New("the two certificates of the partition hold different keys")
	}
	return key, nil
}

// dates checks every certificate and returns the earliest end. The claims
// carry no time of their own, so the time of the check is what counts: an
// auditor who repeats a check uses the time of the ceremony.
func (c *certificates) dates(now time.Time) (until time.Time, err error) {
	for _, certificate := range append([]*x509.Certificate{c.root}, c.list...) {
		from, to := certificate.NotBefore, certificate.NotAfter
		what := fmt.Sprintf("the certificate of %s by %s", name(certificate.Subject.CommonName),
			name(certificate.Issuer.CommonName))
		switch {
		case now.Before(from):
			return until, fmt.Errorf("%s is valid from %s, and now is %s", what, stamp.Text(from), stamp.Text(now))
		case now.After(to):
			return until, fmt.Errorf("%s was valid until %s, and now is %s", what, stamp.Text(to), stamp.Text(now))
		case until.IsZero() || to.Before(until):
			until = to
		}
	}
	return until, nil
}

// name quotes a name from a certificate, which may hold anything.
func name(s string) string { return fmt.Sprintf("%.100q", s) }
