package azure

import (
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"

	"byok/internal/exitcode"
)

func TestFindCloud(t *testing.T) {
	for _, c := range []struct {
		name     string
		o        CloudOptions
		want     string
		host     string
		suffixes []string
	}{
		{"", CloudOptions{}, "AzurePublic", "https://login.microsoftonline.com/", []string{".vault.azure.net", ".managedhsm.azure.net"}},
		{"AzureCloud", CloudOptions{}, "AzurePublic", "https://login.microsoftonline.com/", []string{".vault.azure.net", ".managedhsm.azure.net"}},
		{"UsGov", CloudOptions{}, "AzureGovernment", "https://login.microsoftonline.us/", []string{".vault.usgovcloudapi.net", ".managedhsm.usgovcloudapi.net"}},
		{"china", CloudOptions{VaultSuffixes: []string{"Vault.Corp.Example."}}, "AzureChina", "https://login.chinacloudapi.cn/", []string{".vault.azure.cn", ".managedhsm.azure.cn", ".vault.corp.example"}},
		{"", CloudOptions{AuthorityHost: "https://login.microsoftonline.us"}, "AzureGovernment", "https://login.microsoftonline.us/", []string{".vault.usgovcloudapi.net", ".managedhsm.usgovcloudapi.net"}},
		{"public", CloudOptions{AuthorityHost: "https://login.corp.example"}, "AzurePublic", "https://login.microsoftonline.com/", []string{".vault.azure.net", ".managedhsm.azure.net"}},
		{"", CloudOptions{AuthorityHost: "https://login.corp.example", VaultSuffixes: []string{".vault.corp.example"}}, "AzureCustom", "https://login.corp.example", []string{".vault.corp.example"}},
		{"custom", CloudOptions{AuthorityHost: "https://login.corp.example", VaultSuffixes: []string{".vault.corp.example"}, ResourceManager: "https://management.corp.example/"}, "AzureCustom", "https://login.corp.example", []string{".vault.corp.example"}},
	} {
		got, err := FindCloud(c.name, c.o)
		if err != nil || got.Name != c.want || got.Config.ActiveDirectoryAuthorityHost != c.host || !slices.Equal(got.Suffixes, c.suffixes) {
			t.Errorf("%q %+v: %+v, %v", c.name, c.o, got, err)
		}
		if rm := got.Config.Services[cloud.ResourceManager]; c.o.ResourceManager != "" && (rm.Endpoint != "https://management.corp.example" || rm.Audience == "") {
			t.Errorf("resource manager %+v", rm)
		}
	}
	for _, name := range CloudNames() {
		if name == "custom" { // needs options
			continue
		}
		if _, err := FindCloud(name, CloudOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindCloudRefuses(t *testing.T) {
	const login, suffix = "https://login.corp.example", ".vault.corp.example"
	for _, c := range []struct {
		name       string
		o          CloudOptions
		want, hint string
	}{
		{"azure", CloudOptions{}, "--cloud azure: no such cloud", "--cloud public|usgov|china|custom"},
		{"custom", CloudOptions{VaultSuffixes: []string{suffix}}, "--cloud custom: AZURE_AUTHORITY_HOST is not an https URL", "AZURE_AUTHORITY_HOST=https://login.example.net/"},
		{"custom", CloudOptions{AuthorityHost: "http://login.corp.example", VaultSuffixes: []string{suffix}}, "--cloud custom: AZURE_AUTHORITY_HOST is not an https URL", "AZURE_AUTHORITY_HOST=https://login.example.net/"},
		{"custom", CloudOptions{AuthorityHost: login}, "--cloud custom: the DNS suffix of its vaults is not known", "--vault-suffix .vault.example.net"},
		{"custom", CloudOptions{AuthorityHost: login, VaultSuffixes: []string{suffix}, ResourceManager: "management"}, "--cloud custom: resource manager management: not an https URL", ""},
		{"public", CloudOptions{VaultSuffixes: []string{"net"}}, "--vault-suffix net: not a DNS suffix of two or more labels", "--vault-suffix .vault.example.net"},
		{"public", CloudOptions{VaultSuffixes: []string{"a.b/c"}}, "--vault-suffix a.b/c: not a DNS suffix of two or more labels", "--vault-suffix .vault.example.net"},
		{"public", CloudOptions{VaultSuffixes: []string{"a.b:443"}}, "--vault-suffix a.b:443: not a DNS suffix of two or more labels", "--vault-suffix .vault.example.net"},
	} {
		_, err := FindCloud(c.name, c.o)
		check(t, err, exitcode.Usage, c.want, c.hint)
	}
}
