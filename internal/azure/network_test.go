package azure

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"byok/internal/exitcode"
)

// authority is a CA of the test's own, in a PEM file.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Proxy CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: noon.AddDate(-10, 0, 0), NotAfter: noon.AddDate(50, 0, 0), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, file}
}

// serve starts a TLS server with a certificate of the authority.
func (a authority) serve(t *testing.T, h http.Handler, change func(*x509.Certificate)) *httptest.Server {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: a.key}}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// meet sends a request through the client of n and explains what came of it.
func meet(t *testing.T, n Network, target string) error {
	t.Helper()
	client, err := n.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	resp, err := client.Get(target)
	if err == nil {
		resp.Body.Close()
		return nil
	}
	return Explain("do", err, noon)
}

func hostPort(s *httptest.Server) string { return s.Listener.Addr().String() }

func TestCertificates(t *testing.T) {
	ca := newAuthority(t)
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	good := ca.serve(t, ok, nil)
	if err := meet(t, Network{CAFile: ca.file}, good.URL); err != nil {
		t.Errorf("with --ca-file: %v", err)
	}
	check(t, meet(t, Network{}, good.URL), exitcode.Vault,
		"do: the certificate of "+hostPort(good)+` is issued by "CN=Proxy CA", which this computer does not trust`, hintCA)

	old := ca.serve(t, ok, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = noon.AddDate(-2, 0, 0), noon.AddDate(-1, 0, 0) })
	check(t, meet(t, Network{CAFile: ca.file}, old.URL), exitcode.Vault,
		"do: the certificate of "+hostPort(old)+" expired on 2025-01-02T12:00:00Z, and it is 2026-01-02T12:00:00Z here", "if the clock of this computer is right, the server's certificate must be renewed")

	future := ca.serve(t, ok, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = noon.AddDate(20, 0, 0), noon.AddDate(21, 0, 0) })
	check(t, meet(t, Network{CAFile: ca.file}, future.URL), exitcode.Vault,
		"do: the certificate of "+hostPort(future)+" is not valid before 2046-01-02T12:00:00Z, but it is 2026-01-02T12:00:00Z here", hintClock)

	other := ca.serve(t, ok, func(c *x509.Certificate) { c.IPAddresses, c.DNSNames = nil, []string{"other.example"} })
	check(t, meet(t, Network{CAFile: ca.file}, other.URL), exitcode.Vault, "do: "+hostPort(other)+" shows a certificate for other.example", hintCA)

	nameless := ca.serve(t, ok, func(c *x509.Certificate) { c.IPAddresses = nil })
	check(t, meet(t, Network{CAFile: ca.file}, nameless.URL), exitcode.Vault, "do: "+hostPort(nameless)+" shows a certificate for no name at all", hintCA)

	client := ca.serve(t, ok, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	check(t, meet(t, Network{CAFile: ca.file}, client.URL), exitcode.Vault,
		"do: the certificate of "+hostPort(client)+" cannot be used: x509: certificate specifies an incompatible key usage", hintCA)
}

func TestConnections(t *testing.T) {
	ca := newAuthority(t)
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	check(t, meet(t, Network{}, "https://"+hostPort(plain)), exitcode.Vault, "do: "+hostPort(plain)+" does not speak TLS", hintProxy)

	cut := ca.serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), nil)
	check(t, meet(t, Network{CAFile: ca.file}, cut.URL), exitcode.Vault, "do: "+hostPort(cut)+" cut the connection before its answer was complete", "run the same command again: it finds what was done")

	down := hostPort(plain)
	plain.Close()
	check(t, meet(t, Network{}, "https://"+down), exitcode.Vault, "do: nothing listens on "+down, "check the address; a rehearsal's vault is started with byok-online rehearsal serve")
}

func TestNetworkErrors(t *testing.T) {
	at := func(err error) error {
		return &url.Error{Op: "Get", URL: "https://contoso.vault.azure.net/keys", Err: err}
	}
	dial := func(op string, err error) error {
		return at(&net.OpError{Op: op, Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(20, 1, 2, 3), Port: 443}, Err: err})
	}
	const again = "run the same command again: it finds what was done"
	for name, c := range map[string]struct {
		err        error
		want, hint string
	}{
		"no such name":   {dial("dial", &net.DNSError{Err: "no such host", Name: "contoso.vault.azure.net", IsNotFound: true}), "do: no host is called contoso.vault.azure.net", "check the name; that of a private endpoint resolves only inside its network"},
		"no name server": {dial("dial", &net.DNSError{Err: "server misbehaving", Name: "contoso.vault.azure.net"}), "do: the name contoso.vault.azure.net could not be looked up: server misbehaving", hintProxy},
		"no route":       {dial("dial", os.NewSyscallError("connect", syscall.EHOSTUNREACH)), "do: there is no route to 20.1.2.3:443", hintProxy},
		"no network":     {dial("dial", os.NewSyscallError("connect", syscall.ENETUNREACH)), "do: there is no route to 20.1.2.3:443", hintProxy},
		"proxy down":     {dial("proxyconnect", errors.New("connect: connection refused")), "do: the proxy cannot be reached: connect: connection refused", "check HTTPS_PROXY and NO_PROXY"},
		"proxy requires": {at(proxyRefusal{"proxy:3128", 407}), "do: the proxy proxy:3128 requires a user name and password", "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"},
		"proxy refuses":  {at(proxyRefusal{"proxy:3128", 403}), "do: the proxy proxy:3128 refuses the connection: 403 Forbidden", "check HTTPS_PROXY and NO_PROXY, and what the proxy allows"},
		"reset":          {dial("read", os.NewSyscallError("read", syscall.ECONNRESET)), "do: contoso.vault.azure.net cut the connection before its answer was complete", again},
		"end of file":    {at(io.ErrUnexpectedEOF), "do: contoso.vault.azure.net cut the connection before its answer was complete", again},
		"time limit":     {at(context.DeadlineExceeded), "do: contoso.vault.azure.net did not answer in time", "run the same command again; if that does not help, " + hintProxy},
		"no host known":  {context.DeadlineExceeded, "do: the server did not answer in time", "run the same command again; if that does not help, " + hintProxy},
		"TLS alert":      {dial("remote error", tls.AlertError(40)), "do: contoso.vault.azure.net broke off the TLS handshake: tls: handshake failure", hintProxy},
		"something else": {dial("dial", errors.New("out of luck")), "do: out of luck", ""},
	} {
		t.Run(name, func(t *testing.T) { check(t, Explain("do", c.err, noon), exitcode.Vault, c.want, c.hint) })
	}
}

func TestNetworkFiles(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Network{CAFile: empty}.Client()
	check(t, err, exitcode.Usage, "CA file "+empty+": no PEM certificate in it", "openssl x509 -inform DER -in CERT -out ca.pem")
	_, err = Network{CAFile: empty + "x"}.Client()
	check(t, err, exitcode.Usage, "CA file: "+empty+"x: no such file", "")
	if err := os.WriteFile(empty, make([]byte, maxCAFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Network{CAFile: empty}.Client()
	check(t, err, exitcode.Usage, "CA file: "+empty+": larger than the 1048576 bytes that such a file may have", "")
}

func TestNoRedirects(t *testing.T) {
	ca := newAuthority(t)
	s := ca.serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("it followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}), nil)
	if err := meet(t, Network{CAFile: ca.file}, s.URL); err != nil {
		t.Error(err)
	}
}
