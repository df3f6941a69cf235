package state

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFolderInAFilesPlace: what cannot be read is an error, and never made
// again in silence.
func TestFolderInAFilesPlace(t *testing.T) {
	for _, name := range []string{"lock", FileService, FileToken} {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(dir, ""); err == nil {
			t.Errorf("%s: the folder was opened", name)
			s.Close()
		} else if !strings.Contains(err.Error(), filepath.Join(dir, name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := open(t, t.TempDir(), "")
	for _, name := range []string{FileURL, FileCA, "tls-private.pem"} {
		if err := os.Mkdir(s.Path(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if l, err := s.Listen("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), s.Path(FileURL)) {
		t.Errorf("%v, %v", l, err)
	}
	never := func() bool { return false }
	if _, err := s.TLSConfig(never); err == nil || !strings.Contains(err.Error(), s.Path("tls-private.pem")) {
		t.Error(err)
	}
	if err := os.Remove(s.Path("tls-private.pem")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TLSConfig(never); err == nil || !strings.Contains(err.Error(), s.Path(FileCA)) {
		t.Error(err)
	}
}

// TestFirstContentFails: a file whose first content cannot be made is not there.
func TestFirstContentFails(t *testing.T) {
	s := open(t, t.TempDir(), "")
	no := errors.New("no")
	if _, err := s.Once("new", 0o600, func() ([]byte, error) { return nil, no }); !errors.Is(err, no) {
		t.Error(err)
	}
	if _, err := os.Lstat(s.Path("new")); err == nil {
		t.Error("the file is there")
	}
}

// TestPortInUse: the folder has no URL until a port is its own.
func TestPortInUse(t *testing.T) {
	first, second := open(t, t.TempDir(), ""), open(t, t.TempDir(), "")
	l, err := first.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := second.Listen(l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) || second.URL() != "" {
		t.Errorf("%v; %q", err, second.URL())
	}
}

// TestPrivateFiles: what proves who the vault is, and who may use it, is its
// account's alone.
func TestPrivateFiles(t *testing.T) {
	s := open(t, t.TempDir(), "")
	if _, err := s.TLSConfig(func() bool { return false }); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{
		FileToken: 0o600, "tls-private.pem": 0o600, FileService: 0o644, FileCA: 0o644,
	} {
		if info, err := os.Stat(s.Path(name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestLocalhost is this computer, whatever the resolver says.
func TestLocalhost(t *testing.T) {
	if host, port, err := loopback("localhost:8443"); host != "127.0.0.1" || port != "8443" || err != nil {
		t.Errorf("%s, %s, %v", host, port, err)
	}
}

// TestAuthority: in a trust store the folder's CA can vouch for this computer's
// own addresses, and for nothing else.
func TestAuthority(t *testing.T) {
	data, err := newAuthority()
	if err != nil {
		t.Fatal(err)
	}
	authority, err := tls.X509KeyPair(data, data)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.Leaf)
	vouches := func(c *x509.Certificate, between *x509.Certificate) error {
		pool := x509.NewCertPool()
		if between != nil {
			pool.AddCert(between)
		}
		_, err := c.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool})
		return err
	}
	for _, c := range []struct {
		name string
		ip   net.IP
		want bool
	}{
		{"localhost", nil, true}, {"", net.IPv4(127, 0, 0, 1), true}, {"", net.IPv6loopback, true},
		{"contoso.vault.azure.net", nil, false}, {"", net.IPv4(20, 1, 2, 3), false},
	} {
		leaf, _ := issuedBy(t, authority, func(t *x509.Certificate) {
			if t.DNSNames = []string{c.name}; c.name == "" {
				t.DNSNames, t.IPAddresses = nil, []net.IP{c.ip}
			}
		})
		if err := vouches(leaf, nil); (err == nil) != c.want {
			t.Errorf("%s %v: %v", c.name, c.ip, err)
		}
	}
	under, private := issuedBy(t, authority, func(t *x509.Certificate) {
		t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	})
	leaf, _ := issuedBy(t, tls.Certificate{Leaf: under, PrivateKey: private}, func(t *x509.Certificate) {
		t.DNSNames = []string{"localhost"}
	})
	if err := vouches(leaf, under); err == nil {
		t.Error("it has a CA below it")
	}
}

// issuedBy is a certificate for a fresh key.
func issuedBy(t *testing.T, by tls.Certificate, change func(*x509.Certificate)) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Minute),
	}
	change(template)
	der, err := x509.CreateCertificate(rand.Reader, template, by.Leaf, &key.PublicKey, by.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}
