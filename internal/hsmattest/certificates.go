package hsmattest

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"byok/internal/pemfile"
	"byok/internal/stamp"
)

// yubicoRoot is "Yubico YubiHSM Root CA", yubihsm2-attest-ca-crt.pem of
// developers.yubico.com/YubiHSM2/Concepts, valid to October 2071. Its SHA-256:
//
//	094a3ac493c2bdcd65a54bdf40190f52bb03f7156397a3fc69d8aa9a392fb724
//
//go:embed roots/yubico-yubihsm-root-2071.pem
var yubicoRoot []byte

// rootsOf are the vendor's roots, or a rehearsal's in their place.
func rootsOf(rehearsal string) ([]*x509.Certificate, error) {
	if rehearsal == "" {
		return pemfile.Certificates(yubicoRoot)
	}
	return ownRoot(rehearsal)
}

// ownRoot reads a rehearsal's root.
func ownRoot(text string) ([]*x509.Certificate, error) {
	list, err := pemfile.Certificates([]byte(text))
	if err != nil || len(list) != 1 {
		return nil, errors.New("the rehearsal's root is not one certificate in PEM")
	}
	return list, nil
}

// CheckRoot refuses what is not one certificate in PEM, a rehearsal's root, or is
// the vendor's.
func CheckRoot(text string) error {
	list, err := ownRoot(text)
	if err != nil {
		return err
	}
	pinned, err := pemfile.Certificates(yubicoRoot)
	if err == nil && slices.ContainsFunc(pinned, list[0].Equal) {
		return errors.New("this root is pinned: it need not be given")
	}
	return err
}

// readCertificates reads certificates, in PEM or as DER one after the other, with
// nothing else around them.
func readCertificates(data []byte) ([]*x509.Certificate, error) {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN ")) {
		return pemfile.Certificates(data)
	}
	list, err := x509.ParseCertificates(data)
	if err != nil {
		return nil, errors.New("expected certificates, in PEM or DER, and nothing else")
	}
	return list, nil
}

// blocks are the contents of the PEM in a file, as far as there is any.
func blocks(data []byte) (list [][]byte) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		list = append(list, block.Bytes)
	}
	return list
}

// inOrder finds the certificates of key, device and CA, and the root that issued
// the last, among those of a file, in any order. The root itself may be there too.
func inOrder(list, roots []*x509.Certificate) (chain []*x509.Certificate, root *x509.Certificate, err error) {
	isRoot := func(c *x509.Certificate) bool { return slices.ContainsFunc(roots, c.Equal) }
	rest := slices.DeleteFunc(slices.Clone(list), isRoot)
	at := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return has(c, origin) })
	if at < 0 || len(rest) != 3 {
		return nil, nil, fmt.Errorf("%d certificates besides the root: expected those of the key, of the device "+
			"(opaque object 0), and of Yubico's CA that issued the device's", len(rest))
	}
	chain = []*x509.Certificate{rest[at]}
	rest = slices.Delete(rest, at, at+1)
	for len(rest) > 0 {
		last := chain[len(chain)-1]
		next := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return bytes.Equal(c.RawSubject, last.RawIssuer) })
		if next < 0 {
			return nil, nil, fmt.Errorf("the certificate of %s is not there, which issued that of %s",
				name(last.Issuer.CommonName), name(last.Subject.CommonName))
		}
		chain, rest = append(chain, rest[next]), slices.Delete(rest, next, next+1)
	}
	for _, r := range roots {
		if bytes.Equal(r.RawSubject, chain[2].RawIssuer) {
			root = r
		}
	}
	return chain, root, nil
}

// checkChain follows the signatures from the key to the root. The device's
// certificate must be the device's own: an attested key could sign as well, what
// its holder likes.
func (y *yubiHSM) checkChain() (string, error) {
	device := y.chain[1]
	switch {
	case y.root == nil:
		return "", fmt.Errorf("issuer %s is not a root that is trusted here", name(y.chain[2].Issuer.CommonName))
	case has(device, origin) || !has(device, serial) || has(y.chain[2], origin) || has(y.chain[2], serial):
		return "", errors.New("the key's certificate is not issued by the device's own, from the factory")
	}
	for i, c := range y.chain {
		parent := y.root
		if i+1 < len(y.chain) {
			parent = y.chain[i+1]
		}
		if err := issued(c, parent); err != nil {
			return "", fmt.Errorf("the certificate of %s: %w", name(c.Subject.CommonName), err)
		}
	}
	return "issued under " + name(y.root.Subject.CommonName), nil
}

// issued checks one link between two certificates whose names fit.
func issued(child, parent *x509.Certificate) error {
	key, isRSA := parent.PublicKey.(*rsa.PublicKey)
	switch {
	case !parent.BasicConstraintsValid || !parent.IsCA,
		parent.KeyUsage != 0 && parent.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("the issuer's certificate does not say that it may issue any")
	case child.SignatureAlgorithm != x509.SHA256WithRSA && child.SignatureAlgorithm != x509.ECDSAWithSHA256:
		return fmt.Errorf("it is signed with %s; expected SHA-256 with RSA or ECDSA", child.SignatureAlgorithm)
	case isRSA && key.N.BitLen() < 2048:
		return fmt.Errorf("the issuer's RSA key has %d bits", key.N.BitLen())
	case parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature) != nil:
		return errors.New("the signature is not the issuer's")
	}
	return nil
}

// checkDates: a device copies the dates of its own certificate.
func (y *yubiHSM) checkDates() (string, error) {
	all, until := y.chain, y.chain[0].NotAfter
	if y.root != nil {
		all = append(slices.Clone(all), y.root)
	}
	for _, c := range all {
		what := "the certificate of " + name(c.Subject.CommonName)
		switch {
		case y.key.At.Before(c.NotBefore):
			return "", fmt.Errorf("%s is valid from %s, and now is %s", what, stamp.Text(c.NotBefore), stamp.Text(y.key.At))
		case y.key.At.After(c.NotAfter):
			return "", fmt.Errorf("%s was valid until %s, and now is %s", what, stamp.Text(c.NotAfter), stamp.Text(y.key.At))
		case c.NotAfter.Before(until):
			until = c.NotAfter
		}
	}
	return "valid until " + stamp.Text(until), nil
}

// name quotes a name from a certificate, which may hold anything.
func name(s string) string { return fmt.Sprintf("%.100q", s) }
