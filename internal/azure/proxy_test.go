package azure

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"byok/internal/exitcode"
)

// TestProxyAddresses: an address that Go would pass over in silence is refused,
// and not quoted.
func TestProxyAddresses(t *testing.T) {
	for _, c := range []struct {
		name, variable, address string
		good                    bool
	}{
		{"none", "HTTPS_PROXY", "", true},
		{"with password", "HTTPS_PROXY", "http://user:ProxyPassw0rd@127.0.0.1:3128", true},
		{"without scheme", "HTTPS_PROXY", "proxy.example:3128", true},
		{"socks", "https_proxy", "socks5://127.0.0.1:1080", true},
		{"escaped percent", "HTTPS_PROXY", "http://user:ProxyPassw0rd%25zz@127.0.0.1:1", true},
		{"bare percent", "HTTPS_PROXY", "http://user:ProxyPassw0rd%zz@127.0.0.1:1", false},
		{"bare percent, small letters", "https_proxy", "http://user:ProxyPassw0rd%zz@127.0.0.1:1", false},
		{"no host", "HTTPS_PROXY", "http://", false},
		{"another scheme", "HTTPS_PROXY", "ftp://proxy.example", false},
		{"bad port", "HTTPS_PROXY", "http://proxy.example:ProxyPassw0rd", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("HTTPS_PROXY", "")
			t.Setenv("https_proxy", "")
			t.Setenv(c.variable, c.address)
			_, err := Network{}.Client()
			if c.good {
				if err != nil {
					t.Error(err)
				}
				return
			}
			check(t, err, exitcode.Usage, c.variable+": not the address of a proxy",
				c.variable+"=http://USER:PASSWORD@HOST:PORT, where a % in the password is written %25")
			if strings.Contains(err.Error()+exitcode.HintOf(err), "Passw0rd") {
				t.Error("the password is shown")
			}
		})
	}
}

// TestProxyRefuses has a proxy that answers CONNECT with a refusal.
func TestProxyRefuses(t *testing.T) {
	for status, want := range map[int]string{
		403: "do: the proxy HOST refuses the connection: 403 Forbidden",
		407: "do: the proxy HOST requires a user name and password",
		502: "do: the proxy HOST refuses the connection: 502 Bad Gateway",
	} {
		tried := 0
		proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tried++
			w.WriteHeader(status)
		}))
		proxy.Config.ErrorLog = log.New(io.Discard, "", 0)
		proxy.Start()
		t.Cleanup(proxy.Close)
		client, err := Network{}.Client()
		if err != nil {
			t.Fatal(err)
		}
		address, err := url.Parse("http://user:ProxyPassw0rd@" + hostPort(proxy))
		if err != nil {
			t.Fatal(err)
		}
		client.Transport.(*http.Transport).Proxy = http.ProxyURL(address)
		_, err = client.Get("https://contoso.vault.azure.net/keys")
		if !NeverSent(err) || worthAnotherTry(nil, err) || tried != 1 {
			t.Errorf("%d: %v is worth another try", status, err)
		}
		if tried = 0; sent(t, client) == nil || tried != 1 {
			t.Errorf("%d: the SDK asked the proxy %d times", status, tried)
		}
		err = Explain("do", err, noon)
		if want = strings.ReplaceAll(want, "HOST", hostPort(proxy)); err.Error() != want || strings.Contains(Detail(err), "Passw0rd") {
			t.Errorf("%d: %v\n%s\nwant %s", status, err, Detail(err), want)
		}
	}
}

// sent sends a request by a pipeline of the SDK with its own retries.
func sent(t *testing.T, client *http.Client) error {
	t.Helper()
	pipeline := runtime.NewPipeline("test", "v1", runtime.PipelineOptions{}, &policy.ClientOptions{Transport: client})
	req, err := runtime.NewRequest(t.Context(), http.MethodGet, "https://contoso.vault.azure.net/keys")
	if err != nil {
		t.Fatal(err)
	}
	_, err = pipeline.Do(req)
	return err
}
