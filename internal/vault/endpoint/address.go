// Package endpoint is the address of a vault, and the guard that keeps requests
// and tokens to it.
//
// [Parse] says whether an address is fit to be given a token; [NewGuard] goes
// into the SDK's pipeline. Do not use the SDK without the guard: a vault's
// challenge decides for which service the SDK fetches a token, and a malformed
// one makes the SDK panic.
package endpoint

import (
	"cmp"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/printable"
)

// Address is the address of a vault that Parse has found fit to be
// given a token. The zero value is not an address.
type Address struct {
	url       string
	service   string
	rehearsal bool
	test      bool
}

// Allow says which addresses are allowed.
type Allow struct {
	Cloud     azure.Cloud
	Rehearsal bool // the rehearsal vault, on this computer and nowhere else
	TestVault bool // any host and port, with keys in software: an emulator, a standard vault
}

// IsZero reports whether a is the zero Address.
func (a Address) IsZero() bool { return a.url == "" }

// String returns https://host or https://host:port, as in kek.ID.
func (a Address) String() string { return a.url }

// Rehearsal reports whether the vault is a rehearsal's.
func (a Address) Rehearsal() bool { return a.rehearsal }

// Test reports whether the vault is a test vault, which gets tokens although
// it is at no address of the service. A vault of the service is never one,
// whatever Allow says.
func (a Address) Test() bool { return a.test }

// Mark returns what keys and proofs of the vault are for.
func (a Address) Mark() kek.Mark {
	switch {
	case a.rehearsal:
		return kek.Rehearsal
	case a.test:
		return kek.Test
	}
	return kek.Production
}

// Service returns kek.ServiceVault or kek.ServiceManagedHSM, or "" where the
// host's suffix does not say: a rehearsal, an emulator, a private cloud.
func (a Address) Service() string { return a.service }

// Host returns the part after https://, with the port where there is one.
func (a Address) Host() string { return strings.TrimPrefix(a.url, "https://") }

// vaultName is what the service takes as the name of a vault or Managed HSM.
var vaultName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,22}[a-z0-9]$`)

// Parse reads the address of a vault: https, a host of allow's cloud,
// and nothing else. Another port or this machine needs allow.Rehearsal or
// allow.TestVault, which alone lift the SDK's check that the host is one of
// the service's. Errors have status Usage.
func Parse(s string, allow Allow) (Address, error) {
	u, err := parseURL(s, allow)
	if err != nil {
		return Address{}, err
	}
	a := Address{url: "https://" + u.Hostname(), rehearsal: allow.Rehearsal, test: allow.TestVault}
	if port := u.Port(); port != "" && port != "443" {
		a.url += ":" + port
	}
	suffix := suffixOf(u.Hostname(), allow.Cloud)
	if suffix != "" && a.url == "https://"+u.Hostname() && !a.rehearsal {
		a.test = false // a vault of the service: every check of the SDK stays on
		a.service = serviceOf(suffix)
		return a, nil
	}
	return a, a.unusual(u, allow)
}

// unusual refuses what only a rehearsal or a test may be.
func (a Address) unusual(u *url.URL, allow Allow) error {
	local := isLoopback(u.Hostname())
	switch {
	case a.rehearsal && !local:
		return exitcode.Errorf(exitcode.Refused, "vault %s: a rehearsal talks only to this computer", a.url)
	case a.rehearsal || a.test:
		return nil
	case u.Port() != "" && u.Port() != "443":
		return exitcode.Errorf(exitcode.Usage, "vault %s: a port other than 443 is for rehearsals and test vaults",
			a.url).
			Hint("--rehearsal DIR, or --test-vault")
	case local:
		return exitcode.Errorf(exitcode.Usage, "vault %s: this computer is for rehearsals and test vaults", a.url).
			Hint("--rehearsal DIR, or --test-vault")
	case strings.Contains(u.Hostname(), ".privatelink."):
		return exitcode.Errorf(exitcode.Usage, "vault %s: the name of a private endpoint, not of the vault", a.url).
			Hint("use the vault's own name, which leads to the private endpoint inside its network")
	}
	err := exitcode.Errorf(exitcode.Usage, "vault %s: not a vault of %s, where names end in %s", a.url, allow.Cloud.Name,
		strings.Join(allow.Cloud.Suffixes, " or "))
	own := slices.ContainsFunc(allow.Cloud.Suffixes, func(suffix string) bool {
		return strings.HasSuffix(u.Hostname(), suffix)
	})
	if other := azure.CloudOf(u.Hostname()); other != "" && !own {
		return err.Hint("--cloud %s", other)
	}
	return err.Hint("--cloud for another cloud, --vault-suffix for a private one")
}

// misnamed reports whether a host is in the cloud, and its name is none that a
// vault can have.
func misnamed(host string, c azure.Cloud) bool {
	for _, suffix := range c.Suffixes {
		if name, found := strings.CutSuffix(strings.ToLower(host), suffix); found && !strings.Contains(name, ".") {
			return !vaultName.MatchString(name)
		}
	}
	return false
}

// parseURL accepts https, a host and a port. It does not quote a URL that has
// a password in it.
func parseURL(s string, allow Allow) (*url.URL, error) {
	u, err := url.Parse(s)
	if err == nil && u.User != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "vault: its address contains a user name or password")
	}
	example := "https://contoso.vault.azure.net"
	if len(allow.Cloud.Suffixes) > 0 {
		example = "https://contoso" + allow.Cloud.Suffixes[0]
	}
	problem := ""
	switch {
	case err != nil || !hasHost(u):
		problem = "not an address with https://"
		if name := strings.ToLower(s); vaultName.MatchString(name) {
			example = strings.Replace(example, "contoso", name, 1)
		}
	case !strings.EqualFold(u.Scheme, "https"):
		problem = "a token is sent only over https"
	case strings.Trim(u.Path, "/") != "" || strings.ContainsAny(s, "?#"):
		problem, example = "more than a host in its address", "https://"+strings.ToLower(u.Host)
	case misnamed(u.Hostname(), allow.Cloud):
		problem = "a vault's name has 3 to 24 letters, digits and hyphens, no hyphen at either end"
	case !hostName(u):
		problem = "not a host and port"
	}
	if problem != "" {
		return nil, exitcode.Errorf(exitcode.Usage, "vault %.200q: %s", s, problem).
			Hint("--vault %s", printable.Quote(example))
	}
	u.Host = strings.ToLower(u.Host)
	return u, nil
}

// hasHost reports whether u is scheme://host and so on, not scheme:text or a path.
func hasHost(u *url.URL) bool { return u.Scheme != "" && u.Opaque == "" && u.Host != "" }

func hostName(u *url.URL) bool {
	host := strings.ToLower(u.Hostname())
	return kek.IsHost(host) && cmp.Or(u.Port(), "443") != "0" && !strings.HasSuffix(u.Host, ":")
}

// suffixOf returns the suffix that makes host <vault name><suffix>, or "".
func suffixOf(host string, c azure.Cloud) string {
	for _, suffix := range c.Suffixes {
		if name, found := strings.CutSuffix(host, suffix); found && vaultName.MatchString(name) {
			return suffix
		}
	}
	return ""
}

func serviceOf(suffix string) string {
	switch {
	case kek.IsManagedHSM(suffix):
		return kek.ServiceManagedHSM
	case strings.HasPrefix(suffix, ".vault."):
		return kek.ServiceVault
	}
	return ""
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}
