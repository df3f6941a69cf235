package state

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"time"
)

// TLSConfig returns the server's TLS with a certificate fresh for this run,
// under the CA of the folder, and publishes that CA. Where expired says so, a
// client is shown a certificate that is out of date.
func (s *State) TLSConfig(expired func() bool) (*tls.Config, error) {
	private, err := s.Once("tls-private.pem", 0o600, newAuthority)
	if err != nil {
		return nil, err
	}
	authority, err := tls.X509KeyPair(private, private)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Path("tls-private.pem"), err)
	}
	now := time.Now().UTC()
	good, err := newServerCertificate(authority, now.Add(-time.Hour), now.AddDate(1, 0, 0))
	if err != nil {
		return nil, err
	}
	old, err := newServerCertificate(authority, now.AddDate(-1, 0, 0), now.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	choose := func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if expired() {
			return &old, nil
		}
		return &good, nil
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]})
	return &tls.Config{GetCertificate: choose, MinVersion: tls.VersionTLS12}, s.Publish(FileCA, certificate)
}

// newAuthority makes the folder's CA as PEM, key and certificate. Its name
// constraints (RFC 5280, section 4.2.1.10) keep it harmless in a trust store:
// it can vouch for this machine's loopback and nothing else.
func newAuthority() ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "REHEARSAL vault TLS CA"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"localhost"},
		PermittedIPRanges: loopbackRanges(),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})
	return append(private, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...), nil
}

func newServerCertificate(authority tls.Certificate, from, until time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "REHEARSAL vault"},
		NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, &key.PublicKey, authority.PrivateKey)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

func loopbackRanges() []*net.IPNet {
	return []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		{IP: net.IPv6loopback, Mask: net.CIDRMask(128, 128)},
	}
}
