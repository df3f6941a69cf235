package azure

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/exitcode"
)

const aSubscription = "01234567-89ab-cdef-0123-456789abcdef"

type anyToken struct{}

func (anyToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "hunter2", ExpiresOn: noon.AddDate(100, 0, 0)}, nil
}

// manager is a Manager before whom Resource Manager is played by pages: path
// and query to body.
func manager(t *testing.T, pages map[string]string) *Manager {
	t.Helper()
	m, err := NewManager(anyToken{}, public(t), &http.Client{Transport: roundTrip(func(r *http.Request) (int, string) {
		if r.URL.Host != "management.azure.com" || r.Header.Get("Authorization") != "Bearer hunter2" {
			t.Errorf("asked %s", r.URL)
		}
		body, found := pages[r.URL.Path+"?"+r.URL.Query().Get("$skiptoken")]
		if !found {
			return 404, `{"error":{"code":"SubscriptionNotFound","message":"The subscription could not be found."}}`
		}
		return 200, body
	})})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSubscriptions(t *testing.T) {
	m := manager(t, map[string]string{"/subscriptions?": `{"value":[
		{"subscriptionId":"2","displayName":"Treasury","state":"Enabled","tenantId":"t"},
		{"subscriptionId":"1","displayName":"Archive","state":"Disabled","tenantId":"t"}, {}]}`})
	got, err := m.Subscriptions(context.Background())
	want := []Subscription{{}, {"1", "Archive", "Disabled", "t"}, {"2", "Treasury", "Enabled", "t"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = manager(t, nil).Subscriptions(context.Background())
	check(t, err, exitcode.Vault, "list the subscriptions: there is no such subscription, or the account cannot see it: The subscription could not be found (SubscriptionNotFound, request entra-1)", "byok-online subscription list")
}

func TestVaults(t *testing.T) {
	base := "/subscriptions/" + aSubscription + "/providers/Microsoft.KeyVault/"
	id := "/subscriptions/" + aSubscription + "/resourceGroups/rg/providers/Microsoft.KeyVault/"
	m := manager(t, map[string]string{
		base + "vaults?": `{"value":[{"id":"` + id + `vaults/zulu","name":"zulu","location":"westeurope","properties":{"sku":{"family":"A","name":"premium"},"vaultUri":"https://zulu.vault.azure.net/","tenantId":"t","provisioningState":"Succeeded"}}],
			"nextLink":"https://management.azure.com` + base + `vaults?api-version=2023-07-01&$skiptoken=2"}`,
		base + "vaults?2":     `{"value":[{"id":"` + id + `vaults/alfa","name":"alfa","properties":{"sku":{"name":"standard"},"vaultUri":"https://alfa.vault.azure.net/"}}]}`,
		base + "managedHSMs?": `{"value":[{"id":"` + id + `managedHSMs/mike","name":"mike","location":"uksouth","sku":{"family":"B","name":"Standard_B1"},"properties":{"hsmUri":"https://mike.managedhsm.azure.net/","tenantId":"t","provisioningState":"Succeeded"}}]}`,
	})
	got, err := m.Vaults(context.Background(), aSubscription)
	want := []Vault{
		{Name: "alfa", URL: "https://alfa.vault.azure.net", Service: "vault", SKU: "standard", Group: "rg"},
		{"mike", "https://mike.managedhsm.azure.net", "managed-hsm", "Standard_B1", "uksouth", "t", "rg", "Succeeded"},
		{"zulu", "https://zulu.vault.azure.net", "vault", "premium", "westeurope", "t", "rg", "Succeeded"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	if got[0].TakesBYOK() || !got[1].TakesBYOK() || !got[2].TakesBYOK() {
		t.Error("TakesBYOK is wrong")
	}
}

func TestVaultsRefused(t *testing.T) {
	ctx := context.Background()
	_, err := manager(t, nil).Vaults(ctx, "contoso")
	check(t, err, exitcode.Usage, "subscription contoso: not a subscription id", "byok-online subscription list")
	_, err = manager(t, nil).Vaults(ctx, aSubscription)
	check(t, err, exitcode.Vault, "list the vaults of subscription "+aSubscription+": there is no such subscription, or the account cannot see it: The subscription could not be found (SubscriptionNotFound, request entra-1)", "byok-online subscription list")
	path := "/subscriptions/" + aSubscription + "/providers/Microsoft.KeyVault/vaults?"
	_, err = manager(t, map[string]string{path: `{"nextLink":"https://evil.example/?token"}`}).Vaults(ctx, aSubscription)
	check(t, err, exitcode.Vault, "list the vaults of subscription "+aSubscription+": the next page of the list is not on https://management.azure.com", "")
	c, err := FindCloud("custom", CloudOptions{AuthorityHost: "https://login.corp.example", VaultSuffixes: []string{".vault.corp.example"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = NewManager(anyToken{}, c, nil)
	check(t, err, exitcode.Usage, "cloud AzureCustom: the address of its resource manager is not known", "")
	if !strings.HasPrefix(c.vaultScope(), "https://vault.corp.example/") {
		t.Error(c.vaultScope())
	}
}
