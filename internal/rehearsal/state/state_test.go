package state

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kek"
)

func refused(t *testing.T, what string, err error, code exitcode.Code, dir, want, hint string) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error, want %s", what, want)
		return
	}
	in := strings.NewReplacer(dir, "DIR").Replace
	if in(err.Error()) != want || exitcode.Of(err) != code || in(exitcode.HintOf(err)) != hint {
		t.Errorf("%s: status %d: %v (hint %q), want %d: %s (hint %q)",
			what, exitcode.Of(err), err, exitcode.HintOf(err), code, want, hint)
	}
}

func open(t *testing.T, dir, service string) *State {
	t.Helper()
	s, err := Open(dir, service)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// TestFolder: a folder stays what its first run made it.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	first, err := Open(dir, kek.ServiceVault)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	_, err = Open(dir, "")
	refused(t, "held", err, exitcode.Refused, dir,
		"DIR is in use by another rehearsal vault (process "+strconv.Itoa(os.Getpid())+")",
		"stop that one, or give this one a folder of its own with --state")
	l, err := first.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Announce(); err != nil {
		t.Fatal(err)
	}
	url, token := first.URL(), string(first.Token())
	_ = l.Close()
	first.Close()

	_, err = Open(dir, kek.ServiceManagedHSM)
	refused(t, "another service", err, exitcode.Refused, dir, "the rehearsal vault in DIR is a vault, not a managed-hsm",
		"use another folder with --state")
	again := open(t, dir, "")
	if again.Service() != kek.ServiceVault || string(again.Token()) != token {
		t.Errorf("service %s, token %s", again.Service(), again.Token())
	}
	if l, err = again.Listen("localhost:0"); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if again.URL() != url {
		t.Errorf("%s became %s", url, again.URL())
	}
	port := url[strings.LastIndex(url, ":")+1:]
	_, err = again.Listen("127.0.0.1:1")
	refused(t, "another port", err, exitcode.Refused, dir,
		"the rehearsal vault in DIR is https://localhost:"+port+", which cannot change: it is part of every key identifier",
		"byok-online rehearsal serve --listen 127.0.0.1:"+port+" --state DIR")
}

func TestOpenRefuses(t *testing.T) {
	_, err := Open("", "")
	refused(t, "no folder", err, exitcode.Usage, "?", "no folder was given for the rehearsal vault's state", "")
	_, err = Open(t.TempDir(), "hsm")
	refused(t, "service", err, exitcode.Usage, "?", "service hsm: expected managed-hsm or vault", "")
	for _, c := range []struct{ name, data, want string }{
		{FileService, "hsm\n", "DIR/service: neither managed-hsm nor vault"},
		{FileToken, "", "DIR/token: not a token of a rehearsal vault"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, c.name), []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, "")
		refused(t, c.name, err, exitcode.Failed, dir, c.want, "")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, ""); err == nil {
		t.Error("a file is taken for a folder")
	}
}

func TestListenRefuses(t *testing.T) {
	s := open(t, t.TempDir(), "")
	const hint = "byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR"
	for _, c := range []struct {
		address    string
		code       exitcode.Code
		want, hint string
	}{
		{"", exitcode.Usage, "listen address : expected host:port, such as 127.0.0.1:8443", ""},
		{"127.0.0.1:https", exitcode.Usage, "listen address 127.0.0.1:https: https is not a port number", ""},
		{"127.0.0.1:01", exitcode.Usage, "listen address 127.0.0.1:01: 01 is not a port number", ""},
		{"0.0.0.0:0", exitcode.Refused, "listen address 0.0.0.0:0 is not loopback: a rehearsal vault never serves another computer", hint},
		{"example.com:0", exitcode.Refused, "listen address example.com:0 is not loopback: a rehearsal vault never serves another computer", hint},
	} {
		_, err := s.Listen(c.address)
		refused(t, c.address, err, c.code, "?", c.want, c.hint)
	}
	if err := os.WriteFile(s.Path(FileURL), []byte("https://contoso.vault.azure.net\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := s.Listen("127.0.0.1:0")
	refused(t, "URL", err, exitcode.Refused, s.dir, "DIR/url: a rehearsal vault's URL is https://localhost:PORT", "")
}

// TestTLS: a client that trusts the folder's CA alone connects, unless it is
// shown the certificate that is out of date.
func TestTLS(t *testing.T) {
	s := open(t, t.TempDir(), "")
	expired := false
	config, err := s.TLSConfig(func() bool { return expired })
	if err != nil {
		t.Fatal(err)
	}
	pem, err := os.ReadFile(s.Path(FileCA))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", pem)
	}
	listener, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{TLSConfig: config, ErrorLog: log.New(io.Discard, "", 0)}
	defer server.Close()
	go server.ServeTLS(listener, "", "")
	shake := func(name string) error {
		c, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{RootCAs: pool, ServerName: name})
		if err != nil {
			return err
		}
		return c.Close()
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		if err := shake(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := shake("example.com"); err == nil {
		t.Error("it vouches for example.com")
	}
	expired = true
	if err := shake("localhost"); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("expired: %v", err)
	}
	if _, err := s.TLSConfig(func() bool { return false }); err != nil {
		t.Error(err)
	}
	if again, err := os.ReadFile(s.Path(FileCA)); err != nil || string(again) != string(pem) {
		t.Errorf("another CA, %v", err)
	}
	if err := os.WriteFile(s.Path("tls-private.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = s.TLSConfig(func() bool { return false })
	refused(t, "damaged", err, exitcode.Failed, s.dir,
		"DIR/tls-private.pem: tls: failed to find any PEM data in certificate input", "")
}

func TestPortOf(t *testing.T) {
	if port, err := PortOf("url", "https://localhost:8443"); err != nil || port != "8443" {
		t.Errorf("%s, %v", port, err)
	}
	for _, url := range []string{"", "%", "https://localhost", "http://localhost:1", "https://localhost:1/", "https://localhost:1@example.org:443"} {
		_, err := PortOf("url", url)
		refused(t, url, err, exitcode.Refused, "?", "url: a rehearsal vault's URL is https://localhost:PORT", "")
	}
	if got := Line([]byte("text\n")); got != "text" {
		t.Errorf("%q", got)
	}
}
