package endpoint

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"byok/internal/exitcode"
)

// The moment every test happens at.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func at(now time.Time) func() time.Time { return func() time.Time { return now } }

// site is a server that answers every request alike.
type site struct {
	status  int
	header  map[string]string
	body    io.ReadCloser
	failure error
	asked   int
}

// Do implements policy.Transporter.
func (s *site) Do(r *http.Request) (*http.Response, error) {
	s.asked++
	resp := &http.Response{StatusCode: s.status, Header: http.Header{}, Body: s.body, Request: r}
	for name, value := range s.header {
		resp.Header.Set(name, value)
	}
	return resp, s.failure
}

// closed is a body that notices that it is closed.
type closed struct {
	io.Reader
	done bool
}

func (c *closed) Close() error {
	c.done = true
	return nil
}

func TestGuard(t *testing.T) {
	const (
		own     = `Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"`
		noVault = "the answer of contoso.vault.azure.net is not a vault's: its challenge does not name one tenant and a resource"
	)
	date := func(d time.Duration) map[string]string {
		return map[string]string{"WWW-Authenticate": own, "Date": noon.Add(d).Format(http.TimeFormat)}
	}
	challenge := func(text string) map[string]string { return map[string]string{"WWW-Authenticate": text} }
	html := map[string]string{"Content-Type": "text/html; charset=utf-8"}
	for _, c := range []struct {
		name       string
		url        string
		site       site
		addresses  []string
		want, hint string // "" for an answer that passes
	}{
		{name: "good", site: site{status: 200}},
		{name: "the same host in capitals", url: "https://CONTOSO.vault.azure.net/keys", site: site{status: 200}},
		{name: "its challenge", site: site{status: 401, header: date(4 * time.Minute)}},
		{name: "a challenge without a date", site: site{status: 401, header: challenge(own)}},
		{name: "a gateway's page", site: site{status: 502, header: html}},
		{name: "another host", url: "https://evil.example/keys", want: `the vault refers to another host, "evil.example"`},
		{name: "another port", url: "https://contoso.vault.azure.net:8443/keys",
			want: `the vault refers to another host, "contoso.vault.azure.net:8443"`},
		{name: "no TLS", url: "http://contoso.vault.azure.net/keys",
			want: `the vault refers to another host, "contoso.vault.azure.net"`},
		{name: "loopback", addresses: []string{"20.1.2.3", "::ffff:127.0.0.1"},
			want: "contoso.vault.azure.net resolves to a loopback address (127.0.0.1)",
			hint: "check /etc/hosts and the DNS; --test-vault if intended"},
		{name: "no address at all", addresses: []string{"0.0.0.0"},
			want: "contoso.vault.azure.net resolves to a loopback address (0.0.0.0)",
			hint: "check /etc/hosts and the DNS; --test-vault if intended"},
		{name: "a portal", site: site{status: 200, header: html},
			want: "a web page (HTTP 200, text/html) came instead of the service's answer",
			hint: "a proxy or portal is in between: sign in there, or set HTTPS_PROXY"},
		{name: "no challenge", site: site{status: 401}, want: noVault, hint: HintNoVault},
		{name: "the SDK's panic", site: site{status: 401, header: challenge(`Bearer authorization="https://l", resource="https://vault.azure.net"`)},
			want: noVault, hint: HintNoVault},
		{name: "two tenants", site: site{status: 401, header: challenge(own + ` authorization="https://l/t"`)},
			want: noVault, hint: HintNoVault},
		{name: "another service", site: site{status: 401, header: challenge(own + ` scope="https://graph.microsoft.com"`)},
			want: `contoso.vault.azure.net asks for a token for another service, "https://graph.microsoft.com"`, hint: HintNoVault},
		{name: "a rehearsal's", site: site{status: 401, header: challenge(`Bearer authorization="https://l/t" resource="https://x.rehearsal.invalid"`)},
			want: `contoso.vault.azure.net asks for a token for another service, "https://x.rehearsal.invalid"`, hint: HintNoVault},
		{name: "a clock ahead", site: site{status: 401, header: date(-2 * time.Hour)},
			want: "the clock of this computer is 2h0m0s ahead of the vault's",
			hint: "set it (timedatectl set-ntp true): expiry dates and proofs depend on it"},
		{name: "a clock behind", site: site{status: 401, header: date(2 * time.Hour)},
			want: "the clock of this computer is 2h0m0s behind the vault's",
			hint: "set it (timedatectl set-ntp true): expiry dates and proofs depend on it"},
		{name: "no answer", site: site{failure: errors.New("connection reset")}, want: "connection reset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, err := Parse("https://contoso.vault.azure.net", Allow{Cloud: publicCloud(t)})
			if err != nil {
				t.Fatal(err)
			}
			body := &closed{Reader: strings.NewReader("{}")}
			c.site.body = body
			lookup := func(context.Context, string, string) (out []netip.Addr, err error) {
				for _, a := range c.addresses {
					out = append(out, netip.MustParseAddr(a))
				}
				return out, nil
			}
			if c.url == "" {
				c.url = "https://contoso.vault.azure.net/keys"
			}
			err = get(t, NewGuard(address, at(noon), lookup), &c.site, c.url)
			switch said := ""; {
			case err != nil:
				if said = err.Error(); said != c.want || exitcode.HintOf(err) != c.hint {
					t.Errorf("%v (hint %q), want %s (hint %q)", err, exitcode.HintOf(err), c.want, c.hint)
				}
				if c.site.failure == nil && exitcode.Of(err) != exitcode.Vault {
					t.Errorf("status %d", exitcode.Of(err))
				}
				if c.site.status != 0 && !body.done {
					t.Error("the body of the refused answer is still open")
				}
			case c.want != "":
				t.Errorf("no error, want %s", c.want)
			}
		})
	}
}

// get sends one request through a pipeline that has the guard alone in it.
func get(t *testing.T, g policy.Policy, s *site, url string) error {
	t.Helper()
	options := &policy.ClientOptions{Transport: s, Retry: policy.RetryOptions{MaxRetries: -1}}
	pipeline := runtime.NewPipeline("test", "v1", runtime.PipelineOptions{PerRetry: []policy.Policy{g}}, options)
	req, err := runtime.NewRequest(context.Background(), http.MethodGet, url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pipeline.Do(req)
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		t.Fatalf("the pipeline made an error of the answer: %v", err)
	}
	return err
}

// TestRequestsStop: what is refused before it is sent is never sent.
func TestRequestsStop(t *testing.T) {
	address, err := Parse("https://contoso.vault.azure.net", Allow{Cloud: publicCloud(t)})
	if err != nil {
		t.Fatal(err)
	}
	here := func(context.Context, string, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	s := &site{status: 200, body: http.NoBody}
	g := NewGuard(address, at(noon), here)
	for _, url := range []string{"https://evil.example/", "https://contoso.vault.azure.net/"} {
		if err := get(t, g, s, url); err == nil {
			t.Errorf("%s: no error", url)
		}
	}
	if s.asked != 0 {
		t.Errorf("%d requests were sent", s.asked)
	}
}

// TestTestVaultIsWhereItIs: the name of a rehearsal's or a test vault may lead
// to this computer, and is not looked up.
func TestTestVaultIsWhereItIs(t *testing.T) {
	for _, c := range []struct {
		url   string
		allow Allow
	}{
		{"https://localhost:8443", Allow{Rehearsal: true}},
		{"https://emulator:4997", Allow{TestVault: true}},
	} {
		address, err := Parse(c.url, c.allow)
		if err != nil {
			t.Fatal(err)
		}
		lookup := func(context.Context, string, string) ([]netip.Addr, error) {
			t.Errorf("%s is looked up", c.url)
			return nil, nil
		}
		if err := get(t, NewGuard(address, at(noon), lookup), &site{status: 200, body: http.NoBody}, c.url); err != nil {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

// TestChallengeRewritten: the SDK sees what was checked, and nothing else.
func TestChallengeRewritten(t *testing.T) {
	own := `Bearer authorization="https://login.rehearsal.invalid/t", resource="https://managed-hsm.rehearsal.invalid"`
	for _, c := range []struct {
		name, challenge, want string
		answered              bool
	}{
		{"as it is", own, own, false},
		{"scope before resource", `Bearer authorization="https://l/t", scope="https://managed-hsm.rehearsal.invalid/.default" resource="https://managed-hsm.rehearsal.invalid"`,
			`Bearer authorization="https://l/t", resource="https://managed-hsm.rehearsal.invalid"`, false},
		{"Bearer twice", `Bearer Bearer authorization="https://l/t" Bearer resource="https://managed-hsm.rehearsal.invalid" Bearer`,
			`Bearer authorization="https://l/t", resource="https://managed-hsm.rehearsal.invalid"`, false},
		{"claims", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common", error="insufficient_claims", claims="e30="`,
			`Bearer error="insufficient_claims", claims="e30="`, true},
		{"claims with another service", `Bearer error="insufficient_claims", claims="e30=", scope="https://graph.microsoft.com"`,
			`Bearer error="insufficient_claims", claims="e30="`, true},
		{"a new challenge", own, own, true},
		{"nothing", "", "", true},
	} {
		g := &guard{address: Address{url: "https://localhost:1", rehearsal: true}, now: at(noon)}
		r := &http.Response{Header: http.Header{}, Request: &http.Request{Header: http.Header{}}}
		r.Header.Add("WWW-Authenticate", c.challenge)
		if c.answered {
			r.Request.Header.Set("Authorization", "Bearer t")
		}
		err := g.challenge(r)
		if got := r.Header.Get("WWW-Authenticate"); err != nil || got != c.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", c.name, got, err, c.want)
		}
	}
}

// TestResourceIsAHost: a resource holds a scheme and a host, and nothing that
// two parsers of URLs could read differently.
func TestResourceIsAHost(t *testing.T) {
	address := Address{url: "https://contoso.vault.azure.net"}
	g := &guard{address: address}
	good, all := 0, 0
	for resource, want := range map[string]bool{
		"https://vault.azure.net": true, "https://vault.azure.net/": true, "https://VAULT.azure.net": true,
		"https://vault.azure.net/.default": true, "https://vault.azure.net//.default": true,

		"https://vault.azure.net#": false, "https://vault.azure.net#f": false, "https://vault.azure.net/#/.default": false,
		"https://vault.azure.net?": false, "https://vault.azure.net?q": false, "https://vault.azure.net/?": false,
		"https://vault.azure.net/p": false, "https://vault.azure.net/..": false, "https://vault.azure.net/%2e": false,
		"https://vault.azure.net//": false, "https://vault.azure.net/.default/x": false, "https://vault.azure.net;p": false,
		"https://u@vault.azure.net": false, "https://@vault.azure.net": false, "https://u:p@vault.azure.net": false,
		"https://vault.azure.net:": false, "https://vault.azure.net:8443": false, "https://vault.azure.net.": false,
		"https://vault.azure.net%20": false, "https://vault.azure.net\\": false, "https:vault.azure.net": false,
		"//vault.azure.net": false, "vault.azure.net": false, "https://": false, "https:///vault.azure.net": false,
		"http://vault.azure.net": false, "ftp://vault.azure.net": false, "": false, "/.default": false,
		"https://vault.azure.net\x00": false, "https://vault.azure.net\u202e": false, "https://vаult.azure.net": false,
	} {
		all++
		if g.ours(resource) != want {
			t.Errorf("%q: %v", resource, !want)
			continue
		}
		good++
	}
	t.Logf("resources of a challenge: %d of %d", good, all)
}

func TestTestVaultChallenge(t *testing.T) {
	g := &guard{address: Address{url: "https://emulator:4997", test: true}}
	for resource, want := range map[string]bool{
		"https://emulator:4997": true, "https://vault.azure.net": true, "https://managedhsm.azure.net/": true,
		"https://management.azure.com": false, "https://emulator": false, "http://vault.azure.net": false, "%": false,
	} {
		if g.ours(resource) != want {
			t.Errorf("%s: %v", resource, !want)
		}
	}
}
