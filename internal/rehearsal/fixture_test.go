package rehearsal

import (
	"byok/internal/rehearsal/partition"
	"byok/internal/rehearsal/wire"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

// one chain serves all tests: making its four RSA keys is slow.
var testChain = sync.OnceValues(partition.New)

// running is a rehearsal vault with the service's own client for it.
type running struct {
	*azkeys.Client
	vault *Client
	http  *http.Client
	dir   string
	log   *lines
	stop  func() // and wait
}

// lines collects what a vault logs.
type lines struct {
	mu   sync.Mutex
	said []string
}

func (l *lines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, line)
}

func (l *lines) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.said[len(l.said)-1]
}

// start runs a new rehearsal vault until the test ends.
func start(t *testing.T, service string) *running {
	t.Helper()
	return restart(t, t.TempDir(), service)
}

// restart runs a rehearsal vault on a state folder.
func restart(t *testing.T, dir, service string) *running {
	t.Helper()
	return startAs(t, Config{State: dir, Service: service})
}

// startAs runs the rehearsal vault that is configured.
func startAs(t *testing.T, config Config) *running {
	t.Helper()
	c, err := testChain()
	must(t, err)
	private := filepath.Join(config.State, "attestation-private.pem")
	if _, err := os.Stat(private); err != nil {
		must(t, os.WriteFile(private, c.Encode(), 0o600))
	}
	r := &running{dir: config.State, log: &lines{}}
	config.Listen, config.Log = "127.0.0.1:0", r.log.add
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan Info, 1), make(chan error, 1)
	go func() {
		ended <- Serve(ctx, config, func(i Info) { ready <- i })
	}()
	r.stop = sync.OnceFunc(func() {
		if r.http != nil {
			r.http.CloseIdleConnections() // a connection never used would be waited for
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve ended with %v", err)
		}
	})
	t.Cleanup(func() { r.stop() })
	select {
	case <-ready:
	case err := <-ended:
		ended <- nil
		t.Fatalf("serve: %v", err)
	}
	r.vault, err = Open(r.dir)
	must(t, err)
	r.http = r.vault.HTTP()
	r.Client = r.client(t, r.vault.Credential())
	return r
}

// client is azkeys without its retries, so that each test sees each answer.
func (r *running) client(t *testing.T, credential azcore.TokenCredential) *azkeys.Client {
	t.Helper()
	client, err := azkeys.NewClient(r.vault.URL, credential, &azkeys.ClientOptions{
		ClientOptions:                        azcore.ClientOptions{Transport: r.http, Retry: policy.RetryOptions{MaxRetries: -1}},
		DisableChallengeResourceVerification: true,
	})
	must(t, err)
	return client
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var activity = regexp.MustCompile(` \(Activity ID: [0-9a-f-]{36}\)$`)

// answer is the service's refusal on one line, without the id of the request.
func answer(err error) string {
	if err == nil {
		return "no error"
	}
	var e *azcore.ResponseError
	if !errors.As(err, &e) {
		return err.Error()
	}
	data, _ := runtime.Payload(e.RawResponse)
	return refusal(e.StatusCode, data)
}

func refusal(status int, data []byte) string {
	var body wire.ErrorBody
	if err := json.Unmarshal(data, &body); err != nil {
		return fmt.Sprintf("%d without an envelope: %q", status, data)
	}
	inner := ""
	if body.Error.Inner != nil {
		inner = "/" + body.Error.Inner.Code
	}
	return fmt.Sprintf("%d %s%s: %s", status, body.Error.Code, inner, activity.ReplaceAllString(body.Error.Message, ""))
}

// same reports a refusal that is not word for word the one wanted.
func same(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := answer(err); got != want {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}

// key creates a key and returns its bundle.
func (r *running) key(t *testing.T, name string, p azkeys.CreateKeyParameters) azkeys.KeyBundle {
	t.Helper()
	created, err := r.CreateKey(context.Background(), name, p, nil)
	must(t, err)
	return created.KeyBundle
}

// kek creates a 2048-bit key exchange key and returns its bundle.
func (r *running) kek(t *testing.T, name string) azkeys.KeyBundle {
	t.Helper()
	return r.key(t, name, azkeys.CreateKeyParameters{Kty: to.Ptr(azkeys.KeyTypeRSAHSM), KeySize: to.Ptr(int32(2048)), KeyOps: ops("import")})
}

func ops(names ...string) []*azkeys.KeyOperation {
	var list []*azkeys.KeyOperation
	for _, name := range names {
		list = append(list, to.Ptr(azkeys.KeyOperation(name)))
	}
	return list
}

// openssl runs it with stdin and returns its stdout.
func openssl(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl judges these tests and is not installed: apt-get install openssl")
	}
	cmd := exec.Command(path, args...)
	cmd.Stdin = strings.NewReader(string(stdin))
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	return out
}

// file writes data into the test's folder and returns its path.
func file(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	must(t, os.WriteFile(path, data, 0o600))
	return path
}
