package vault

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/exitcode"
)

const (
	maxAnswer = 4 << 20         // bytes; a page of a list has some hundred KiB
	maxSkew   = 5 * time.Minute // what Entra tolerates, too

	hintNoVault = "check that the address is a key vault's or a Managed HSM's"
)

// resolver is net.Resolver.LookupNetIP.
type resolver func(ctx context.Context, network, host string) ([]netip.Addr, error)

// guard stands between the SDK and the network: nothing leaves for another
// host than the vault's, and no challenge reaches the SDK that it would
// answer with a panic or with a token for another service.
type guard struct {
	address Address
	clock   Clock
	lookup  resolver

	once  sync.Once
	local error
}

// Do implements policy.Policy.
func (g *guard) Do(req *policy.Request) (*http.Response, error) {
	u := req.Raw().URL
	if u.Scheme != "https" || !strings.EqualFold(u.Host, g.address.host()) {
		return nil, exitcode.Errorf(exitcode.Vault, "the vault refers to another host, %.200q", u.Host)
	}
	if err := g.notLocal(req.Raw().Context(), u.Hostname()); err != nil {
		return nil, err
	}
	resp, err := req.Next()
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	if resp.StatusCode == http.StatusUnauthorized {
		if err := g.challenge(resp); err != nil {
			resp.Body.Close()
			return nil, err
		}
	}
	return resp, nil
}

// notLocal refuses a service's name that leads to this machine. A name that
// cannot be looked up here is the proxy's to find.
func (g *guard) notLocal(ctx context.Context, host string) error {
	if g.address.rehearsal || g.address.test {
		return nil
	}
	g.once.Do(func() {
		addresses, _ := g.lookup(ctx, "ip", host)
		for _, a := range addresses {
			if a = a.Unmap(); a.IsLoopback() || a.IsUnspecified() {
				g.local = exitcode.Hint(exitcode.Errorf(exitcode.Vault, "%s leads to this machine (%s)", host, a), "check /etc/hosts and the DNS; --test-vault if that is meant")
			}
		}
	})
	return g.local
}

// challenge checks WWW-Authenticate before the SDK parses it, and the clock,
// since this is the answer that comes before anything was changed.
func (g *guard) challenge(resp *http.Response) error {
	header := resp.Header.Get("WWW-Authenticate")
	answered := resp.Request != nil && resp.Request.Header.Get("Authorization") != ""
	if answered && (header == "" || strings.Contains(header, `error="insufficient_claims"`)) {
		return nil // a refusal of our token, or a wish for a newer one, not for another
	}
	tenants, resources := challenged(header)
	if len(tenants) == 0 || !all(tenants, tenantURL) || len(resources) == 0 {
		return exitcode.Hint(exitcode.Errorf(exitcode.Vault, "the answer of %s is not a vault's: its challenge names no tenant or no resource", g.address.host()), hintNoVault)
	}
	for _, r := range resources {
		if !g.ours(r) {
			return exitcode.Hint(exitcode.Errorf(exitcode.Vault, "%s asks for a token for another service, %.200q", g.address.host(), r), hintNoVault)
		}
	}
	return g.skew(resp)
}

// challenged finds every value that the SDK could take for the tenant's URL
// or for the resource. Like the SDK, and unlike RFC 9110, it splits at spaces
// and does not insist on quotes; what it found beyond the SDK's is checked
// all the same.
func challenged(header string) (tenants, resources []string) {
	for _, part := range strings.Fields(header) {
		name, v, _ := strings.Cut(strings.Trim(part, ","), "=")
		v = strings.Trim(v, `",`)
		switch strings.Trim(name, `",`) {
		case "authorization":
			tenants = append(tenants, v)
		case "resource", "scope":
			resources = append(resources, v)
		}
	}
	return tenants, resources
}

func all(values []string, good func(string) bool) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !good(v) })
}

// tenantURL wants https://host/tenant: the SDK takes the fourth part between
// slashes without looking.
func tenantURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && strings.Trim(u.Path, "/") != ""
}

// ours tells whether a token for the resource is one this vault may see:
// https://vault.azure.net for contoso.vault.azure.net, and so on. A test
// vault may ask for the service's or its own, a rehearsal's for its own.
func (g *guard) ours(resource string) bool {
	u, err := url.Parse(resource)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return false
	}
	host, own := strings.ToLower(u.Host), g.address.host()
	switch {
	case g.address.rehearsal:
		return host == own || strings.HasSuffix(host, ".rehearsal.invalid")
	case g.address.test:
		return host == own || strings.HasPrefix(host, "vault.") || strings.HasPrefix(host, "managedhsm.")
	}
	return strings.HasSuffix(own, "."+host)
}

func (g *guard) skew(resp *http.Response) error {
	theirs, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return nil
	}
	ahead := g.clock.Now().Sub(theirs).Round(time.Second)
	word := "ahead of"
	if ahead < 0 {
		ahead, word = -ahead, "behind"
	}
	if ahead <= maxSkew {
		return nil
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Vault, "the clock of this machine is %s %s the vault's", ahead, word), "set it (timedatectl set-ntp true): expiry dates and proofs depend on it")
}
