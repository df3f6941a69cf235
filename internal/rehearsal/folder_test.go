package rehearsal

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/rehearsal/state"
)

func TestStateFolder(t *testing.T) {
	r := start(t, ManagedHSM)
	r.kek(t, "KEKforBYOK")
	for name, mode := range map[string]os.FileMode{
		"url": 0o644, "service": 0o644, "ca.pem": 0o644, "attestation-root.pem": 0o644,
		"token": 0o600, "lock": 0o600, "tls-private.pem": 0o600, "attestation-private.pem": 0o600, "keys": 0o700, "keys/kekforbyok.json": 0o600,
	} {
		info, err := os.Stat(filepath.Join(r.dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	if r.vault.Service != ManagedHSM || r.vault.Tenant != Tenant || r.vault.CAFile != filepath.Join(r.dir, "ca.pem") || !bytes.Contains(r.vault.AttestationRoot, []byte("BEGIN CERTIFICATE")) {
		t.Errorf("client %+v", r.vault)
	}
	token, err := os.ReadFile(filepath.Join(r.dir, "token"))
	must(t, err)
	if strings.Contains(fmt.Sprintf("%+v %#v %v", r.vault, *r.vault, r.vault.Credential()), state.Line(token)) {
		t.Error("the token prints")
	}
	if vault := start(t, Vault); vault.vault.AttestationRoot != nil {
		t.Error("a Premium vault has an attestation root")
	}
}

// TestCertificateAuthority holds that the CA vouches for loopback alone and is
// not taken by a client that was not given it.
func TestCertificateAuthority(t *testing.T) {
	r := start(t, Vault)
	data, err := os.ReadFile(r.vault.CAFile)
	must(t, err)
	decoded, _ := pem.Decode(data)
	ca, err := x509.ParseCertificate(decoded.Bytes)
	must(t, err)
	if !strings.Contains(ca.Subject.String(), "REHEARSAL") || !ca.PermittedDNSDomainsCritical || fmt.Sprint(ca.PermittedDNSDomains, ca.PermittedIPRanges) != "[localhost] [127.0.0.0/8 ::1/128]" {
		t.Errorf("CA %s for %v %v", ca.Subject, ca.PermittedDNSDomains, ca.PermittedIPRanges)
	}
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		conn, err := tls.Dial("tcp", strings.TrimPrefix(r.vault.URL, "https://"), &tls.Config{RootCAs: r.vault.CA, ServerName: host})
		if err != nil {
			t.Errorf("as %s: %v", host, err)
			continue
		}
		conn.Close()
	}
	openssl(t, nil, "s_client", "-connect", strings.Replace(strings.TrimPrefix(r.vault.URL, "https://"), "localhost", "127.0.0.1", 1),
		"-CAfile", r.vault.CAFile, "-verify_return_error", "-verify_hostname", "localhost", "-brief")
	var unknown x509.UnknownAuthorityError
	if _, err := tls.Dial("tcp", strings.TrimPrefix(r.vault.URL, "https://"), &tls.Config{}); err == nil || !strings.Contains(err.Error(), unknown.Error()) {
		t.Errorf("without the CA: %v", err)
	}
	r.stop()
	if said := r.log.last(); !strings.HasPrefix(said, "http: TLS handshake error from 127.0.0.1:") {
		t.Errorf("log %s", said)
	}
}

// TestStateCannotBeWritten: the client hears of a failure, the operator why.
func TestStateCannotBeWritten(t *testing.T) {
	r := start(t, Vault)
	must(t, os.Remove(filepath.Join(r.dir, "keys")))
	got := r.raw(t, "POST", "/keys/k/create?api-version=7.4", `{"kty":"EC-HSM"}`)
	if want := "500 InternalError: The rehearsal vault failed"; got != want {
		t.Errorf("got %s", got)
	}
	if want := "POST /keys/k/create 500 InternalError: The rehearsal vault failed (" + filepath.Join(r.dir, "keys", "k.json") + " cannot be created: no such file or directory)"; r.log.last() != want {
		t.Errorf("log %s", r.log.last())
	}
	if names := r.names(t); len(names) > 0 {
		t.Errorf("a key that is not stored is listed: %v", names)
	}
}

// TestDamagedState: a folder that is not as it was left is not served.
func TestDamagedState(t *testing.T) {
	r := start(t, Vault)
	r.key(t, "kept", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)})
	r.stop()
	good, err := os.ReadFile(filepath.Join(r.dir, "keys", "kept.json"))
	must(t, err)
	change := func(from, into string) []byte {
		return []byte(regexp.MustCompile(from).ReplaceAllString(string(good), into))
	}
	version := regexp.MustCompile(`[0-9a-f]{32}`).FindString(string(good))
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"keys/kept.json", good[:40], "DIR/keys/kept.json: not valid JSON at byte 40, in field versions"},
		{"keys/kept.json", change(`"name": "kept"`, `"name": "moved"`), "DIR/keys/kept.json: not a key of a rehearsal vault"},
		{"keys/kept.json", []byte(`{"name":"kept","versions":[]}`), "DIR/keys/kept.json: not a key of a rehearsal vault"},
		{"keys/kept.json", change(`"enabled"`, `"Enabled"`), "DIR/keys/kept.json: unknown field versions.0.Enabled"},
		{"keys/kept.json", change(`"P-256"`, `"P-384"`), "DIR/keys/kept.json: version " + version + ": not an EC private key"},
		{"keys/kept.json", change(`"P-256"`, `"P-224"`), "DIR/keys/kept.json: version " + version + ": no curve P-224"},
		{"keys/kept.json", change(`"private": ".*"`, `"private": "AAAA"`), "DIR/keys/kept.json: version " + version + ": not an EC private key"},
		{"keys/kept.json", change(`"private": ".*",`, `"private": "AAAA",`), "DIR/keys/kept.json: version " + version + ": not an EC private key"},
		{"keys/kept.json", change(`"EC-HSM"`, `"RSA-HSM"`), "DIR/keys/kept.json: version " + version + ": not an RSA private key"},
		{"keys/kept.json", change(`"EC-HSM"`, `"OKP"`), "DIR/keys/kept.json: version " + version + ": no key type OKP"},
		{"keys/kept.json", change(`"sign"`, `"wrapKey"`), "DIR/keys/kept.json: version " + version + ": BadParameter: Unsupported key operation(s)"},
		{"keys/kept.json", change(`"exportable": false`, `"exportable": true`), "DIR/keys/kept.json: version " + version + ": exportable and release_policy contradict each other"},
		{"token", nil, "DIR/token: not a token of a rehearsal vault"},
		{"service", []byte("hsm\n"), "DIR/service: neither managed-hsm nor vault"},
		{"url", []byte("https://contoso.vault.azure.net\n"), "DIR/url: a rehearsal vault's URL is https://localhost:PORT"},
		{"tls-private.pem", nil, "DIR/tls-private.pem: tls: failed to find any PEM data in certificate input"},
	} {
		path := filepath.Join(r.dir, c.name)
		kept, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(path, c.data, 0o600))
		err = Serve(ctx, Config{State: r.dir, Listen: "127.0.0.1:0"}, func(Info) { t.Errorf("%s: served", c.want) })
		if err == nil || strings.ReplaceAll(err.Error(), r.dir, "DIR") != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
		must(t, os.WriteFile(path, kept, 0o600))
	}
	restart(t, r.dir, Vault)
}

func TestOpenRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(dir string) error
		want   string
		code   exitcode.Code
		hint   string
	}{
		"never served": {func(dir string) error { return os.RemoveAll(dir) }, "DIR holds no rehearsal vault: url is missing", exitcode.Usage,
			"byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR"},
		"no token": {func(dir string) error { return os.Remove(filepath.Join(dir, state.FileToken)) }, "DIR holds no rehearsal vault: token is missing", exitcode.Usage,
			"byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR"},
		"no root": {func(dir string) error { return os.Remove(filepath.Join(dir, state.FileRoot)) }, "DIR holds no rehearsal vault: attestation-root.pem is missing", exitcode.Usage,
			"byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR"},
		"empty CA": {func(dir string) error { return os.Truncate(filepath.Join(dir, state.FileCA), 0) }, "DIR/ca.pem: no certificate in it", exitcode.Usage, ""},
		"real vault": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, state.FileURL), []byte("https://contoso.vault.azure.net\n"), 0o600)
		}, "DIR/url: a rehearsal vault's URL is https://localhost:PORT", exitcode.Refused, ""},
		"user in the URL": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, state.FileURL), []byte("https://localhost:1@example.org:443\n"), 0o600)
		}, "DIR/url: a rehearsal vault's URL is https://localhost:PORT", exitcode.Refused, ""},
	} {
		r := start(t, ManagedHSM)
		r.stop()
		must(t, c.damage(r.dir))
		client, err := Open(r.dir)
		if err == nil || client != nil || strings.ReplaceAll(err.Error(), r.dir, "DIR") != c.want || exitcode.Of(err) != c.code || strings.ReplaceAll(exitcode.HintOf(err), r.dir, "DIR") != c.hint {
			t.Errorf("%s: %v, status %d, hint %s, client %v", name, err, exitcode.Of(err), exitcode.HintOf(err), client)
		}
	}
}

// TestFirstRun begins with nothing: no folder, no keys, no chain.
func TestFirstRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "state")
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	var info Info
	var client *Client
	err := Serve(running, Config{State: dir, Listen: "[::1]:0"}, func(i Info) {
		var err error
		info = i
		client, err = Open(dir)
		must(t, err)
		cancel()
	})
	must(t, err)
	if info.Service != ManagedHSM || info.URL != client.URL || info.State != dir || info.Tenant != Tenant || !bytes.Contains(client.AttestationRoot, []byte("BEGIN CERTIFICATE")) {
		t.Errorf("%+v, client %+v", info, client)
	}
}
