package vault

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/vault/endpoint"
)

// The moment every test happens at, and the versions it meets.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const (
	version1 = "11111111111111111111111111111111"
	version2 = "22222222222222222222222222222222"
)

// fakeClock waits by moving on, and remembers how long.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
	after func() // called during every Sleep
}

func (f *fakeClock) Now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fakeClock) Sleep(ctx context.Context, d time.Duration) error {
	f.mu.Lock()
	f.now, f.slept = f.now.Add(d), append(f.slept, d)
	f.mu.Unlock()
	if f.after != nil {
		f.after()
	}
	return ctx.Err()
}

// step is one request the vault expects and how it answers.
type step struct {
	want  string // "PUT /keys/contoso"
	reply func(w http.ResponseWriter, r *http.Request, body []byte)
}

// script is a vault that expects exactly these requests with a token, and
// challenges those without one.
type script struct {
	t         *testing.T
	server    *httptest.Server
	challenge string
	token     string // that it takes
	date      time.Time

	mu       sync.Mutex
	steps    []step
	requests int
}

func newScript(t *testing.T, steps ...step) *script {
	s := &script{t: t, steps: steps, date: noon, token: "rehearsal-token", challenge: `Bearer authorization="https://login.rehearsal.invalid/tenant", resource="https://managed-hsm.rehearsal.invalid"`}
	s.server = httptest.NewUnstartedServer(s)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.server.StartTLS()
	t.Cleanup(func() {
		s.server.Close()
		if len(s.steps) > 0 && !t.Failed() {
			t.Errorf("%d requests never came; the next would be %s", len(s.steps), s.steps[0].want)
		}
	})
	return s
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Date", s.date.Format(http.TimeFormat))
	w.Header().Set("X-Ms-Request-Id", "req-1")
	w.Header().Set("Content-Type", "application/json")
	s.mu.Lock()
	s.requests++
	if r.Header.Get("Authorization") != "Bearer "+s.token {
		s.mu.Unlock()
		w.Header().Set("WWW-Authenticate", s.challenge)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	got := r.Method + " " + r.URL.Path
	if len(s.steps) == 0 || s.steps[0].want != got {
		s.t.Errorf("unexpected request %s", got)
		s.mu.Unlock()
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	s.mu.Unlock()
	next.reply(w, r, body)
}

type token string

func (f token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(f), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// client returns a client of the script under a clock that stands at noon.
func (s *script) client() (*Client, *fakeClock) {
	s.t.Helper()
	address, err := endpoint.Parse(s.server.URL, endpoint.Allow{Rehearsal: true})
	if err != nil {
		s.t.Fatal(err)
	}
	clock := &fakeClock{now: noon}
	c, err := New(address, token("rehearsal-token"), Options{HTTP: s.server.Client(), Timeout: 5 * time.Second, Clock: clock})
	if err != nil {
		s.t.Fatal(err)
	}
	c.jitter = func() float64 { return 0 }
	return c, clock
}

func answer(status int, body string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func refusal(status int, code, inner, message string) func(http.ResponseWriter, *http.Request, []byte) {
	body := fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
	if inner != "" {
		body = fmt.Sprintf(`{"error":{"code":%q,"message":%q,"innererror":{"code":%q}}}`, code, message, inner)
	}
	return answer(status, body)
}

var missing = refusal(404, "KeyNotFound", "", "A key with (name/id) was not found in this key vault.")

// cut breaks the connection instead of answering.
func cut(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }

// fakeKey is a key version as the service writes it.
type fakeKey struct {
	name, version string
	kty           string
	public        crypto.PublicKey
	ops           []string
	attributes    map[string]any
	tags          map[string]string
	policy        []byte
}

func (k fakeKey) jwk(host string) map[string]any {
	j := map[string]any{"kid": "https://" + host + "/keys/" + k.name + "/" + k.version, "kty": k.kty, "key_ops": k.ops}
	b64 := base64.RawURLEncoding.EncodeToString
	switch pub := k.public.(type) {
	case *rsa.PublicKey:
		j["n"], j["e"] = b64(pub.N.Bytes()), b64(big.NewInt(int64(pub.E)).Bytes())
	case *ecdsa.PublicKey:
		size := (pub.Curve.Params().BitSize + 7) / 8
		j["crv"] = curveNameOf(pub)
		//lint:ignore SA1019 PublicKey.Bytes does not know P-256K
		j["x"], j["y"] = b64(pub.X.FillBytes(make([]byte, size))), b64(pub.Y.FillBytes(make([]byte, size)))
	}
	return j
}

func (k fakeKey) attrs() map[string]any {
	a := map[string]any{"enabled": true, "created": noon.Unix(), "updated": noon.Unix(), "recoveryLevel": "Recoverable+Purgeable", "hsmPlatform": "2"}
	for name, v := range k.attributes {
		a[name] = v
	}
	return a
}

// bundle answers with the key, found under the address it was asked at.
func (k fakeKey) bundle(w http.ResponseWriter, r *http.Request, _ []byte) {
	b := map[string]any{"key": k.jwk(r.Host), "attributes": k.attrs(), "tags": k.tags}
	if k.policy != nil {
		b["release_policy"] = map[string]string{"data": base64.RawURLEncoding.EncodeToString(k.policy)}
	}
	_ = json.NewEncoder(w).Encode(b)
}

// listing answers with a list of versions.
func listing(keys ...fakeKey) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) {
		items := []any{}
		for _, k := range keys {
			items = append(items, map[string]any{"kid": k.jwk(r.Host)["kid"], "attributes": k.attrs(), "tags": k.tags})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"value": items, "nextLink": nil})
	}
}

// then answers after having done something.
func then(first func(), reply func(http.ResponseWriter, *http.Request, []byte)) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		first()
		reply(w, r, body)
	}
}

// keys are made once: RSA takes its time.
var keys = sync.OnceValue(func() map[string]crypto.Signer {
	out := map[string]crypto.Signer{}
	out["RSA"], _ = rsa.GenerateKey(rand.Reader, 2048)
	out["other RSA"], _ = rsa.GenerateKey(rand.Reader, 2048)
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521(), "other P-256": elliptic.P256()} {
		out[name], _ = ecdsa.GenerateKey(curve, rand.Reader)
	}
	k, _ := secp256k1.GeneratePrivateKey()
	out["P-256K"] = k.ToECDSA()
	return out
})

// check compares a whole error: status, text and hint; host stands for the
// server's address in want.
func check(t *testing.T, err error, code exitcode.Code, host, want, hint string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want %s", want)
	}
	want, hint = replaceHost(want, host), replaceHost(hint, host)
	if err.Error() != want || exitcode.Of(err) != code || exitcode.HintOf(err) != hint {
		t.Errorf("got status %d: %v\n  hint %q\nwant %d: %s\n  hint %q", exitcode.Of(err), err, exitcode.HintOf(err), code, want, hint)
	}
}

func (s *script) host() string { return strings.TrimPrefix(s.server.URL, "https://") }

func replaceHost(s, host string) string { return strings.ReplaceAll(s, "HOST", host) }

func replaceHashes(s string, hash, other fingerprint.Sum) string {
	return strings.NewReplacer("HASH", hash.String(), "OTHER", other.String()).Replace(s)
}

func curveNameOf(pub crypto.PublicKey) string {
	kind, err := keykind.Of(pub)
	if err != nil {
		panic(err)
	}
	return kind.Curve
}
