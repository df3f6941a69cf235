package attest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
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
	return readPEM(slices.Concat(liquidSecurity, liquidSecurity2))
}

// certificates are the four of an attestation, in the order the service gives
// them.
type certificates struct {
	hsm            *x509.Certificate // of the HSM, issued by the vendor's root; X.509 v1
	partition      *x509.Certificate // of the partition, issued by the HSM
	owner          *x509.Certificate // of the owner of the partition, self-signed
	ownerPartition *x509.Certificate // of the partition, issued by its owner
}

func readCertificates(text []byte) (certificates, error) {
	list, err := readPEM(text)
	if err != nil {
		return certificates{}, err
	}
	if len(list) != 4 {
		return certificates{}, fmt.Errorf("%d certificates where 4 are expected", len(list))
	}
	return certificates{list[0], list[1], list[2], list[3]}, nil
}

// readPEM reads certificates with nothing but white space around them, of
// which openssl and Go see the same: pem.Decode alone would skip what it
// cannot read.
func readPEM(text []byte) ([]*x509.Certificate, error) {
	var list []*x509.Certificate
	begin := []byte("-----BEGIN ")
	for rest := bytes.TrimSpace(text); len(rest) > 0; {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" || len(block.Headers) > 0 ||
			!bytes.HasPrefix(rest, begin) || bytes.Count(rest[:len(rest)-len(after)], begin) > 1 {
			return nil, errors.New("text that is no certificate in PEM")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d cannot be read", len(list)+1)
		}
		list = append(list, c)
		rest = bytes.TrimSpace(after)
	}
	return list, nil
}

// chain checks the two links from a root to the partition.
func (c certificates) chain(roots []*x509.Certificate) (root *x509.Certificate, err error) {
	i := slices.IndexFunc(roots, func(r *x509.Certificate) bool { return bytes.Equal(r.RawSubject, c.hsm.RawIssuer) })
	if i < 0 {
		return nil, fmt.Errorf("the HSM's certificate is issued by %s, which is no root that is known here", name(c.hsm.Issuer.CommonName))
	}
	if err := issued(c.hsm, roots[i]); err != nil {
		return nil, fmt.Errorf("the HSM's certificate is not issued by the root %s: %w", name(roots[i].Subject.CommonName), err)
	}
	if err := issued(c.partition, c.hsm); err != nil {
		return nil, fmt.Errorf("the partition's certificate is not issued by the HSM: %w", err)
	}
	return roots[i], nil
}

// ownerChain checks the owner's root and its one link.
func (c certificates) ownerChain() error {
	if err := issued(c.owner, c.owner); err != nil {
		return fmt.Errorf("the owner's root is not issued by itself: %w", err)
	}
	if err := issued(c.ownerPartition, c.owner); err != nil {
		return fmt.Errorf("the partition's other certificate is not issued by the owner's root: %w", err)
	}
	return nil
}

// issued checks one link. x509.Verify cannot: it refuses the HSM's certificate
// as an issuer, because version 1 has no basicConstraints. A certificate that
// has them must not deny being an issuer.
func issued(child, parent *x509.Certificate) error {
	switch {
	case !bytes.Equal(child.RawIssuer, parent.RawSubject):
		return errors.New("it names another issuer")
	case parent.BasicConstraintsValid && !parent.IsCA, parent.KeyUsage != 0 && parent.KeyUsage&x509.KeyUsageCertSign == 0:
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

// partitionKey is the key that signs statements, if both certificates of the
// partition hold it.
func (c certificates) partitionKey() (*rsa.PublicKey, error) {
	key, ok := c.partition.PublicKey.(*rsa.PublicKey)
	if !ok || key.Size() != signatureSize {
		return nil, errors.New("the partition's key is not of RSA 2048")
	}
	if !bytes.Equal(c.partition.RawSubjectPublicKeyInfo, c.ownerPartition.RawSubjectPublicKeyInfo) {
		return nil, errors.New("the two certificates of the partition hold different keys")
	}
	return key, nil
}

// dates checks every certificate and returns the earliest end. The statement
// carries no time of its own, so the time of the check is what counts: an
// auditor who repeats a check uses the time of the ceremony.
func (c certificates) dates(root *x509.Certificate, now time.Time) (until time.Time, err error) {
	for _, d := range []struct {
		what        string
		certificate *x509.Certificate
	}{{"the root's", root}, {"the HSM's", c.hsm}, {"the partition's", c.partition}, {"the owner's", c.owner}, {"the partition's other", c.ownerPartition}} {
		from, to := d.certificate.NotBefore, d.certificate.NotAfter
		switch {
		case now.Before(from):
			return until, fmt.Errorf("%s certificate is valid from %s, and now is %s", d.what, stamp(from), stamp(now))
		case now.After(to):
			return until, fmt.Errorf("%s certificate was valid until %s, and now is %s", d.what, stamp(to), stamp(now))
		case until.IsZero() || to.Before(until):
			until = to
		}
	}
	return until, nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// name quotes a name from a certificate, which may hold anything.
func name(s string) string { return fmt.Sprintf("%.100q", s) }
