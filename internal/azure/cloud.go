// Package azure signs in to Azure and says who and where one is: clouds,
// credentials by name, subscriptions, the vaults in them, the HTTP client for
// all of it, and the one place that turns an answer of the service, of Entra
// or of the network into a line a person can act on (Explain).
//
// Keys and vault contents are package vault's. Nothing here prints, stores or
// logs a token; do not add it. byok-offline must not import this package.
package azure

import (
	"net/url"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"byok/internal/exitcode"
)

// Cloud is one Azure cloud: where one signs in, where subscriptions are
// managed, and the DNS suffixes of its vaults.
type Cloud struct {
	Name     string // AzurePublic, AzureGovernment, AzureChina or AzureCustom
	Config   cloud.Configuration
	Suffixes []string // with the leading dot: ".vault.azure.net", ".managedhsm.azure.net"
}

// CloudOptions describes what differs from a well-known cloud.
type CloudOptions struct {
	AuthorityHost   string   // AZURE_AUTHORITY_HOST: "https://login.example.net/"
	ResourceManager string   // "https://management.example.net"; only subscriptions and vault lists need it
	VaultSuffixes   []string // --vault-suffix, with or without the leading dot; added to the cloud's own
}

// CloudNames lists what --cloud takes.
func CloudNames() []string { return []string{"public", "usgov", "china", "custom"} }

// FindCloud returns the cloud called name: one of CloudNames, or the SDK's or
// the Azure CLI's name for it, in any case. An empty name is the cloud that
// o.AuthorityHost belongs to, or the public one. A custom cloud needs an
// authority host and a vault suffix.
func FindCloud(name string, o CloudOptions) (Cloud, error) {
	own, err := suffixes(o.VaultSuffixes)
	if err != nil {
		return Cloud{}, err
	}
	c, known := knownCloud(name, o.AuthorityHost)
	if !known {
		if !slices.Contains([]string{"", "custom", "azurecustom"}, strings.ToLower(name)) {
			return Cloud{}, exitcode.Errorf(exitcode.Usage, "--cloud %s: no such cloud", name).
				Hint("--cloud %s", strings.Join(CloudNames(), "|"))
		}
		if c, err = customCloud(o, own); err != nil {
			return Cloud{}, err
		}
	}
	c.Suffixes = append(c.Suffixes, own...)
	return c, nil
}

// wellKnown is a cloud with the names that --cloud takes for it, ours first.
type wellKnown struct {
	cloud Cloud
	names []string
}

func wellKnowns() []wellKnown {
	return []wellKnown{
		{
			Cloud{"AzurePublic", cloud.AzurePublic, []string{".vault.azure.net", ".managedhsm.azure.net"}},
			[]string{"public", "azurepublic", "azurecloud"},
		},
		{
			Cloud{"AzureGovernment", cloud.AzureGovernment,
				[]string{".vault.usgovcloudapi.net", ".managedhsm.usgovcloudapi.net"}},
			[]string{"usgov", "azuregovernment", "azureusgovernment"},
		},
		{
			Cloud{"AzureChina", cloud.AzureChina, []string{".vault.azure.cn", ".managedhsm.azure.cn"}},
			[]string{"china", "azurechina", "azurechinacloud"},
		},
	}
}

func knownCloud(name, authority string) (Cloud, bool) {
	for _, k := range wellKnowns() {
		own := sameHost(authority, k.cloud.Config.ActiveDirectoryAuthorityHost)
		unnamed := name == "" && (own || authority == "" && k.cloud.Name == "AzurePublic")
		if unnamed || slices.Contains(k.names, strings.ToLower(name)) {
			return k.cloud, true
		}
	}
	return Cloud{}, false
}

// CloudOf returns what --cloud takes for the well-known cloud that a vault's
// host is in, "" for any other host.
func CloudOf(host string) string {
	for _, k := range wellKnowns() {
		if slices.ContainsFunc(k.cloud.Suffixes, func(suffix string) bool { return strings.HasSuffix(host, suffix) }) {
			return k.names[0]
		}
	}
	return ""
}

func customCloud(o CloudOptions, own []string) (Cloud, error) {
	switch {
	case !httpsURL(o.AuthorityHost):
		return Cloud{}, exitcode.Errorf(exitcode.Usage, "--cloud custom: AZURE_AUTHORITY_HOST is not an https URL").
			Hint("AZURE_AUTHORITY_HOST=https://login.example.net/")
	case len(own) == 0:
		return Cloud{}, exitcode.Errorf(exitcode.Usage, "--cloud custom: the DNS suffix of its vaults is not known").
			Hint("--vault-suffix .vault.example.net")
	case o.ResourceManager != "" && !httpsURL(o.ResourceManager):
		return Cloud{}, exitcode.Errorf(exitcode.Usage, "--cloud custom: resource manager %s: not an https URL",
			o.ResourceManager)
	}
	c := Cloud{Name: "AzureCustom", Config: cloud.Configuration{ActiveDirectoryAuthorityHost: o.AuthorityHost}}
	if o.ResourceManager != "" {
		c.Config.Services = map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {
				Endpoint: strings.TrimSuffix(o.ResourceManager, "/"),
				Audience: o.ResourceManager,
			},
		}
	}
	return c, nil
}

// vaultScope is the scope of a token for a vault of the cloud.
func (c Cloud) vaultScope() string { return "https://" + c.Suffixes[0][1:] + "/.default" }

func suffixes(given []string) ([]string, error) {
	var out []string
	for _, s := range given {
		s = "." + strings.ToLower(strings.Trim(s, "."))
		if u, err := url.Parse("https://a" + s); err != nil || u.Host != "a"+s || u.Port() != "" ||
			!strings.Contains(s[1:], ".") {
			return nil, exitcode.Errorf(exitcode.Usage, "--vault-suffix %s: not a DNS suffix of two or more labels",
				s[1:]).
				Hint("--vault-suffix .vault.example.net")
		}
		out = append(out, s)
	}
	return out, nil
}

func httpsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "https" && u.Host != "" && u.User == nil
}

func sameHost(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Host != "" && strings.EqualFold(ua.Host, ub.Host)
}
