package rehearsal

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/rehearsal/state"
)

// request sends what no SDK would and returns the answer.
func (r *running) request(t *testing.T, method, path, authorization string, body io.Reader) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, r.vault.URL+path, body)
	must(t, err)
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	res, err := r.http.Do(req)
	must(t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	must(t, err)
	return res, data
}

// raw is request with the token, for the refusal alone.
func (r *running) raw(t *testing.T, method, path, body string) string {
	t.Helper()
	token, err := r.vault.Credential().GetToken(ctx, policy.TokenRequestOptions{})
	must(t, err)
	res, data := r.request(t, method, path, "Bearer "+token.Token, strings.NewReader(body))
	return refusal(res.StatusCode, data)
}

func TestChallenge(t *testing.T) {
	for service, want := range map[string]map[string]string{
		Vault: {
			"":             "401 Unauthorized: AKV10000: Request is missing a Bearer or PoP token.",
			"Bearer wrong": "401 Unauthorized: AKV10046: Unable to resolve the key used for signature validation.",
			"Bearer":       "401 Unauthorized: AKV10046: Unable to resolve the key used for signature validation.",
		},
		ManagedHSM: {
			"":             `401 without an envelope: ""`,
			"Bearer wrong": `401 without an envelope: ""`,
		},
	} {
		r := start(t, service)
		for authorization, want := range want {
			res, data := r.request(t, "GET", "/keys?api-version=7.4", authorization, nil)
			if got := refusal(res.StatusCode, data); got != want {
				t.Errorf("%s with %q: %s", service, authorization, got)
			}
			challenge := `Bearer authorization="https://login.rehearsal.invalid/` + Tenant + `", resource="https://` + service + `.rehearsal.invalid"`
			if got := res.Header.Get("WWW-Authenticate"); got != challenge {
				t.Errorf("%s: challenge %s", service, got)
			}
			if id := res.Header.Get(requestID); !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(id) {
				t.Errorf("%s: request id %s", service, id)
			}
		}
	}
}

// tokenOf is a credential that notes what it is asked for.
type tokenOf struct {
	token string
	asked policy.TokenRequestOptions
}

func (c *tokenOf) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.asked = o
	return azcore.AccessToken{Token: c.token}, nil
}

func TestCredentialIsAskedForTheChallenge(t *testing.T) {
	r := start(t, Vault)
	c := &tokenOf{token: "of another vault"}
	_, err := r.client(t, c).GetKey(ctx, "k", "", nil)
	same(t, "foreign token", err, "401 Unauthorized: AKV10046: Unable to resolve the key used for signature validation.")
	if got := fmt.Sprint(c.asked.TenantID, c.asked.Scopes); got != Tenant+"[https://vault.rehearsal.invalid/.default]" {
		t.Errorf("asked for %s", got)
	}
}

func TestRequestRefusals(t *testing.T) {
	r := start(t, Vault)
	for name, c := range map[string]struct{ method, path, body, want string }{
		"no api-version":    {"GET", "/keys", "", "400 BadParameter: api-version must be specified"},
		"old api-version":   {"GET", "/keys?api-version=2016-10-01-x", "", "400 BadParameter: api-version 2016-10-01-x is not supported"},
		"preview is taken":  {"GET", "/keys/k?api-version=7.4-preview.1", "", "404 KeyNotFound: A key with (name/id) k was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"},
		"text for a number": {"POST", "/keys/k/create?api-version=7.4", `{"kty":"RSA-HSM","key_size":"2048"}`, "400 BadParameter: The request body is not valid JSON"},
		"no base64url":      {"POST", "/keys/k/sign?api-version=7.4", `{"alg":"RS256","value":"a+b/"}`, "400 BadParameter: The request body is not valid JSON"},
		"no such path":      {"GET", "/secrets?api-version=7.4", "", "404 BadParameter: Method GET does not allow operation ''"},
		"no such method":    {"POST", "/keys?api-version=7.4", "", "405 BadParameter: Method POST does not allow operation ''"},
		"no JSON":           {"POST", "/keys/k/create?api-version=7.4", "{", "400 BadParameter: The request body is not valid JSON"},
		"import, no JSON":   {"PUT", "/keys/k?api-version=7.4", "[]", `400 BadParameter: The property "key" must be a valid JsonWebKey object`},
		"too large":         {"PUT", "/keys/k?api-version=7.4", strings.Repeat(" ", maxBody+1), "413 BadParameter: The request body is too large"},
		"name":              {"GET", "/keys/a.b/?api-version=7.4", "", "400 BadParameter: The request URI contains an invalid name: a.b"},
		"name with slash":   {"GET", "/keys/..%2Ftoken/x/attestation?api-version=7.4", "", "404 BadParameter: Method GET does not allow operation ''"},
	} {
		if got := r.raw(t, c.method, c.path, c.body); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", name, got, c.want)
		}
	}
}

func TestLog(t *testing.T) {
	r := start(t, ManagedHSM)
	r.raw(t, "POST", "/keys/k/create?api-version=7.4", `{"kty":"EC","key_ops":["encrypt"]}`)
	if got, want := r.log.last(), "POST /keys/k/create 400 BadParameter: Unsupported key operation(s) (encrypt is not for a key of type EC-HSM here)"; got != want {
		t.Errorf("log %s", got)
	}
	r.raw(t, "POST", "/keys/k/create?api-version=7.4", `{"kty":"EC"}`)
	if got, want := r.log.last(), "POST /keys/k/create 200"; got != want {
		t.Errorf("log %s", got)
	}
	token, err := os.ReadFile(filepath.Join(r.dir, state.FileToken))
	must(t, err)
	if strings.Contains(strings.Join(r.log.said, "\n"), state.Line(token)) {
		t.Error("the token is in the log")
	}
}

func TestServeRefusals(t *testing.T) {
	used := start(t, ManagedHSM)
	port := strings.TrimPrefix(used.vault.URL, "https://localhost:")
	stopped := start(t, ManagedHSM)
	stopped.stop()
	known := strings.TrimPrefix(stopped.vault.URL, "https://localhost:")
	for name, c := range map[string]struct {
		config Config
		want   string
		code   exitcode.Code
		hint   string
	}{
		"no folder":     {Config{Listen: "127.0.0.1:0"}, "no folder was given for the rehearsal vault's state", exitcode.Usage, ""},
		"all addresses": {Config{State: t.TempDir(), Listen: "0.0.0.0:0"}, "listen address 0.0.0.0:0 is not loopback: a rehearsal vault never serves another computer", exitcode.Refused, "byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR"},
		"no address":    {Config{State: t.TempDir(), Listen: ":0"}, "listen address :0 is not loopback: a rehearsal vault never serves another computer", exitcode.Refused, "byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR"},
		"other host":    {Config{State: t.TempDir(), Listen: "example.org:443"}, "listen address example.org:443 is not loopback: a rehearsal vault never serves another computer", exitcode.Refused, "byok-online rehearsal serve --listen 127.0.0.1:8443 --state DIR"},
		"no port":       {Config{State: t.TempDir(), Listen: "127.0.0.1"}, "listen address 127.0.0.1: expected host:port, such as 127.0.0.1:8443", exitcode.Usage, ""},
		"service port":  {Config{State: t.TempDir(), Listen: "127.0.0.1:https"}, "listen address 127.0.0.1:https: https is not a port number", exitcode.Usage, ""},
		"port taken":    {Config{State: t.TempDir(), Listen: "localhost:" + port}, "listen tcp 127.0.0.1:" + port + ": bind: address already in use", exitcode.Vault, ""},
		"service":       {Config{State: t.TempDir(), Listen: "127.0.0.1:0", Service: "hsm"}, "service hsm: expected managed-hsm or vault", exitcode.Usage, ""},
		"in use": {Config{State: used.dir, Listen: "127.0.0.1:0"}, fmt.Sprintf("%s is in use by another rehearsal vault (process %d)", used.dir, os.Getpid()), exitcode.Refused,
			"stop that one, or give this one a folder of its own with --state"},
		"other service": {Config{State: stopped.dir, Listen: "127.0.0.1:0", Service: Vault}, "the rehearsal vault in " + stopped.dir + " is a managed-hsm, not a vault", exitcode.Refused,
			"use another folder with --state"},
		"other port": {Config{State: stopped.dir, Listen: "127.0.0.1:1"}, "the rehearsal vault in " + stopped.dir + " is https://localhost:" + known + ", which cannot change: it is part of every key identifier", exitcode.Refused,
			"byok-online rehearsal serve --listen 127.0.0.1:" + known + " --state " + stopped.dir},
	} {
		err := Serve(ctx, c.config, func(Info) { t.Errorf("%s: ready", name) })
		if err == nil || err.Error() != c.want || exitcode.Of(err) != c.code || exitcode.HintOf(err) != c.hint {
			t.Errorf("%s\n got %v, status %d, hint %s\nwant %s, status %d, hint %s", name, err, exitcode.Of(err), exitcode.HintOf(err), c.want, c.code, c.hint)
		}
	}
}

func TestClientStaysOnLoopback(t *testing.T) {
	r := start(t, Vault)
	t.Setenv("HTTPS_PROXY", "http://192.0.2.1:3128")
	_, err := r.GetKey(ctx, "k", "", nil)
	if !strings.HasPrefix(answer(err), "404 KeyNotFound: ") {
		t.Errorf("with a proxy in the environment: %v", err)
	}
	for _, address := range []string{"contoso.vault.azure.net:443", "192.0.2.1:443", "localhost.example:443"} {
		_, err := r.http.Get("https://" + address)
		want := fmt.Sprintf(`Get "https://%s": %s is not this computer: a rehearsal talks to loopback only`, address, address)
		if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Refused {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestManyAtOnce makes versions of one key from many clients; none is lost.
func TestManyAtOnce(t *testing.T) {
	const many = 20
	r := start(t, Vault)
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			_, err := r.CreateKey(ctx, "busy", azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeECHSM)}, nil)
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	page, err := r.NewListKeyPropertiesVersionsPager("busy", nil).NextPage(ctx)
	must(t, err)
	if len(page.Value) != many {
		t.Errorf("%d versions of %d", len(page.Value), many)
	}
}

// TestNoConnectionIsHeld: a client that announces a body and sends none is cut
// off, as is one that sends no header.
func TestNoConnectionIsHeld(t *testing.T) {
	s := newServer(http.NotFoundHandler(), nil, func(string) {})
	if s.ReadTimeout != readTimeout || s.ReadHeaderTimeout != headerTimeout || s.IdleTimeout == 0 || readTimeout < headerTimeout {
		t.Errorf("%s, %s, %s", s.ReadTimeout, s.ReadHeaderTimeout, s.IdleTimeout)
	}
	s.ReadTimeout = time.Millisecond
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	must(t, err)
	_, err = io.WriteString(conn, "PUT /keys/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
	must(t, err)
	if _, err := io.ReadAll(conn); err != nil { // it ends
		t.Log(err)
	}
	must(t, s.Close())
	if err := <-ended; err != http.ErrServerClosed {
		t.Error(err)
	}
}
