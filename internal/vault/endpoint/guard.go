package endpoint

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/printable"
)

const (
	maxAnswer = 4 << 20         // bytes; a page of a list has some hundred KiB
	maxSkew   = 5 * time.Minute // what Entra tolerates, too

	// HintNoVault is the hint where what answers is not a vault.
	HintNoVault = "check that the address is a key vault's or a Managed HSM's"
)

// Resolver is net.Resolver.LookupNetIP.
type Resolver func(ctx context.Context, network, host string) ([]netip.Addr, error)

// guard sits between the SDK and the network. No request goes to a host other
// than the vault's, and the SDK never sees the vault's own challenge, which could
// make it panic or fetch a token for another service: it sees one that was
// rewritten from what was checked.
type guard struct {
	address Address
	now     func() time.Time
	lookup  Resolver

	once  sync.Once
	local error
}

// NewGuard returns the guard of address, to be one of the PerRetryPolicies of
// an SDK client. It looks the host up once, by lookup, before the first
// request. What it refuses has the status Vault; the SDK must not repeat it.
func NewGuard(address Address, now func() time.Time, lookup Resolver) policy.Policy {
	return &guard{address: address, now: now, lookup: lookup}
}

// Do implements policy.Policy.
func (g *guard) Do(req *policy.Request) (*http.Response, error) {
	u := req.Raw().URL
	if u.Scheme != "https" || !strings.EqualFold(u.Host, g.address.Host()) {
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
	if err := azure.Foreign(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	if resp.StatusCode == http.StatusUnauthorized {
		if err := g.challenge(resp); err != nil {
			resp.Body.Close()
			return nil, err
		}
	}
	return resp, nil
}

// notLocal refuses a service's name that resolves to this computer. A name that
// cannot be looked up here is the proxy's to find.
func (g *guard) notLocal(ctx context.Context, host string) error {
	if g.address.rehearsal || g.address.test {
		return nil
	}
	g.once.Do(func() {
		addresses, _ := g.lookup(ctx, "ip", host)
		for _, a := range addresses {
			if a = a.Unmap(); a.IsLoopback() || a.IsUnspecified() {
				g.local = exitcode.Errorf(exitcode.Vault, "%s resolves to a loopback address (%s)", host, a).
					Hint("check /etc/hosts and the DNS; --test-vault if intended")
			}
		}
	})
	return g.local
}

// challenge replaces WWW-Authenticate by what was checked of it, before the
// SDK parses it. It also checks the clock, since this is the answer that comes
// before anything was changed.
func (g *guard) challenge(resp *http.Response) error {
	header := resp.Header.Get("WWW-Authenticate")
	if resp.Request != nil && resp.Request.Header.Get("Authorization") != "" {
		if header == "" {
			return nil // a refusal of our token
		}
		if claims := claimsOf(header); claims != "" { // a newer token for the same service
			resp.Header.Set("WWW-Authenticate", `Bearer error="insufficient_claims", claims="`+claims+`"`)
			return nil
		}
	}
	tenants, resources := challenged(header)
	if len(tenants) != 1 || !tenantURL(tenants[0]) || len(resources) == 0 {
		return exitcode.Errorf(exitcode.Vault,
			"the answer of %s is not a vault's: its challenge does not name one tenant and a resource",
			g.address.Host()).Hint(HintNoVault)
	}
	for _, r := range resources {
		if !g.ours(r) {
			return exitcode.Errorf(exitcode.Vault, "%s asks for a token for another service, %.200q",
				g.address.Host(), r).
				Hint(HintNoVault)
		}
	}
	resp.Header.Set("WWW-Authenticate", `Bearer authorization="`+tenants[0]+`", resource="`+origin(resources[0])+`"`)
	return g.skew(resp)
}

// claimsOf returns the claims of a challenge for continuous access evaluation,
// if they can be decoded: without that, the SDK takes it for a new challenge.
func claimsOf(header string) string {
	if !strings.Contains(header, `error="insufficient_claims"`) {
		return ""
	}
	_, after, _ := strings.Cut(header, `claims="`)
	claims, _, _ := strings.Cut(after, `"`)
	if _, err := base64.StdEncoding.DecodeString(claims); err != nil {
		return ""
	}
	return claims
}

// challenged finds every value that the SDK could take for the tenant's URL
// or for the resource. Like the SDK, and unlike RFC 9110, it takes out every
// "Bearer ", which can join two halves of a name, splits at spaces and does
// not insist on quotes; what it found beyond the SDK's is checked all the same.
func challenged(header string) (tenants, resources []string) {
	for part := range strings.FieldsSeq(strings.ReplaceAll(header, "Bearer ", "")) {
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

// tenantURL reports whether s is https://host/tenant: the SDK takes the fourth
// part between slashes without looking.
func tenantURL(s string) bool {
	u := serviceURL(s)
	return u != nil && strings.Trim(u.Path, "/") != ""
}

// serviceURL parses an https URL with nothing but a host and a path of plain
// characters, and returns nil for any other text.
func serviceURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.User != nil || !hostName(u) ||
		strings.ContainsAny(s, `"\, ?#@`) || !printable.Is(s) {
		return nil
	}
	return u
}

// origin returns https://host of a resource, or of a scope, which has a path of
// its own; "" where there is more in it, or less.
func origin(resource string) string {
	u := serviceURL(strings.TrimSuffix(resource, "/.default"))
	if u == nil || u.Path != "" && u.Path != "/" {
		return ""
	}
	return "https://" + strings.ToLower(u.Host)
}

// ours reports whether a token for the resource is one this vault may see:
// https://vault.azure.net for contoso.vault.azure.net, and so on. A test
// vault may ask for the service's or its own, a rehearsal's for its own.
func (g *guard) ours(resource string) bool {
	host, found := strings.CutPrefix(origin(resource), "https://")
	own := g.address.Host()
	switch {
	case !found:
		return false
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
	ahead := g.now().Sub(theirs).Round(time.Second)
	word := "ahead of"
	if ahead < 0 {
		ahead, word = -ahead, "behind"
	}
	if ahead <= maxSkew {
		return nil
	}
	return exitcode.Errorf(exitcode.Vault, "the clock of this computer is %s %s the vault's", ahead, word).
		Hint("set it (timedatectl set-ntp true): expiry dates and proofs depend on it")
}
