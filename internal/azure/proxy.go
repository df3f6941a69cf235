package azure

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"byok/internal/exitcode"
)

// checkProxy refuses an address of a proxy that cannot be parsed. Go's client
// would go past the proxy then, without a word. The address may hold a
// password, and is not quoted.
func checkProxy() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		address := os.Getenv(name)
		if address == "" {
			continue
		}
		if !isProxy(address) {
			return exitcode.Errorf(exitcode.Usage, "%s: not the address of a proxy", name).
				Hint("%s=http://USER:PASSWORD@HOST:PORT, where a %% in the password is written %%25", name)
		}
		return nil // the first of the two is used
	}
	return nil
}

// isProxy accepts what package net/http uses: a URL, or a host and port.
func isProxy(address string) bool {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" &&
		slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme)
}

// proxyRefusal is a proxy's answer to CONNECT other than 200.
type proxyRefusal struct {
	proxy  string // host and port
	status int
}

// Error implements error.
func (p proxyRefusal) Error() string {
	return fmt.Sprintf("the proxy %s refuses the connection: %d %s", p.proxy, p.status, http.StatusText(p.status))
}

// NonRetriable keeps every pipeline of the SDK from asking the proxy again, those
// too whose retries are azidentity's own.
func (p proxyRefusal) NonRetriable() {}

// proxyAnswer implements http.Transport.OnProxyConnectResponse. Without it, a
// refusal is a bare text, such as Forbidden.
func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return proxyRefusal{firstLine(proxy.Host), answer.StatusCode}
}
