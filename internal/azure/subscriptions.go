package azure

import (
	"cmp"
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/ordered"
	"byok/internal/transfer"
)

// Subscription is one subscription the credential can see.
type Subscription struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	State  string `json:"state"` // Enabled, Warned, PastDue, Disabled, Deleted
	Tenant string `json:"tenant"`
}

// Vault is a key vault or a Managed HSM of a subscription.
type Vault struct {
	Name     string `json:"name"`
	URL      string `json:"url"`     // "https://contoso.vault.azure.net", no trailing slash
	Service  string `json:"service"` // kek.ServiceVault or kek.ServiceManagedHSM
	SKU      string `json:"sku"`     // vault: standard or premium; Managed HSM: Standard_B1 and such
	Location string `json:"location"`
	Tenant   string `json:"tenant"`
	Group    string `json:"resource_group"`
	State    string `json:"state"` // provisioning state
}

// TakesBYOK reports whether keys made in one's own HSM can be imported: Premium
// vaults and Managed HSMs.
func (v Vault) TakesBYOK() bool {
	return v.Service == kek.ServiceManagedHSM || strings.EqualFold(v.SKU, "premium")
}

// apiVersion is that of the resource provider Microsoft.KeyVault. Those before
// it end on 27 February 2027.
const apiVersion = "2026-02-01"

// Manager asks Azure Resource Manager, which lists and never changes here.
type Manager struct {
	cred    azcore.TokenCredential
	client  *arm.Client
	options *arm.ClientOptions
}

// NewManager returns a Manager for c.
func NewManager(cred azcore.TokenCredential, c Cloud, h *http.Client) (*Manager, error) {
	if c.Config.Services[cloud.ResourceManager].Endpoint == "" {
		return nil, exitcode.Errorf(exitcode.Usage, "cloud %s: the address of its resource manager is not known", c.Name)
	}
	options := &arm.ClientOptions{ClientOptions: clientOptions(c, h), DisableRPRegistration: true}
	options.PerRetryPolicies = []policy.Policy{keeper{c.Config.Services[cloud.ResourceManager].Endpoint}}
	client, err := arm.NewClient("byok/azure", "v1.0.0", cred, options)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Failed, err)
	}
	return &Manager{cred: cred, client: client, options: options}, nil
}

// Subscriptions lists the subscriptions the credential can see, by name.
func (m *Manager) Subscriptions(ctx context.Context) ([]Subscription, error) {
	client, err := armsubscriptions.NewClient(m.cred, m.options)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Failed, err)
	}
	const doing = "list the subscriptions"
	var out []Subscription
	var bound ListBound
	for pages := client.NewListPager(nil); pages.More(); {
		page, err := pages.NextPage(ctx)
		if err == nil {
			err = bound.Next(value(page.NextLink), len(page.Value))
		}
		if err != nil {
			return nil, Explain(doing, err, time.Now())
		}
		for _, s := range page.Value {
			out = append(out, Subscription{
				ID:     value(s.SubscriptionID),
				Name:   value(s.DisplayName),
				State:  string(value(s.State)),
				Tenant: value(s.TenantID),
			})
		}
	}
	ordered.Sort(out,
		func(a, b Subscription) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// Vaults lists the key vaults and Managed HSMs of a subscription (its id), by
// name, those that do not take imported keys too: see TakesBYOK.
func (m *Manager) Vaults(ctx context.Context, subscription string) ([]Vault, error) {
	if !transfer.IsUUID(subscription) {
		return nil, exitcode.Errorf(exitcode.Usage, "subscription %s: not a subscription id", subscription).
			Hint("byok-online subscription list")
	}
	var out []Vault
	for _, kind := range []string{"vaults", "managedHSMs"} {
		found, err := m.vaults(ctx, m.client.Endpoint()+"/subscriptions/"+subscription+
			"/providers/Microsoft.KeyVault/"+kind+"?api-version="+apiVersion)
		if err != nil {
			return nil, Explain("list the vaults of subscription "+subscription, err, time.Now())
		}
		out = append(out, found...)
	}
	ordered.Sort(out, func(a, b Vault) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// vaults reads a list from its first page on.
func (m *Manager) vaults(ctx context.Context, first string) (out []Vault, err error) {
	var bound ListBound
	for next := first; next != ""; {
		page, err := m.page(ctx, next)
		if err == nil {
			err = bound.Next(page.NextLink, len(page.Value))
		}
		if err != nil {
			return nil, err
		}
		for _, r := range page.Value {
			out = append(out, r.vault())
		}
		next = page.NextLink
	}
	return out, nil
}

// vaultPage is the answer to Vaults/Managed Hsms - List By Subscription,
// Microsoft.KeyVault [apiVersion]; the SDK's armkeyvault would bring a module
// for these two lists alone.
type vaultPage struct {
	Value    []vaultResource `json:"value"`
	NextLink string          `json:"nextLink"`
}

type vaultResource struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Location   string `json:"location"`
	SKU        sku    `json:"sku"` // Managed HSM
	Properties struct {
		SKU      sku    `json:"sku"` // key vault
		VaultURI string `json:"vaultUri"`
		HSMURI   string `json:"hsmUri"`
		Tenant   string `json:"tenantId"`
		State    string `json:"provisioningState"`
	} `json:"properties"`
}

type sku struct {
	Name string `json:"name"`
}

func (r vaultResource) vault() Vault {
	v := Vault{
		Name:     r.Name,
		Location: r.Location,
		Tenant:   r.Properties.Tenant,
		State:    r.Properties.State,
		Service:  kek.ServiceVault,
		SKU:      cmp.Or(r.Properties.SKU.Name, r.SKU.Name),
		URL:      strings.TrimSuffix(cmp.Or(r.Properties.VaultURI, r.Properties.HSMURI), "/"),
	}
	if r.Properties.HSMURI != "" {
		v.Service = kek.ServiceManagedHSM
	}
	if id, err := arm.ParseResourceID(r.ID); err == nil {
		v.Group = id.ResourceGroupName
	}
	return v
}

func (m *Manager) page(ctx context.Context, link string) (vaultPage, error) {
	req, err := runtime.NewRequest(ctx, http.MethodGet, link)
	if err != nil {
		return vaultPage{}, err
	}
	resp, err := m.client.Pipeline().Do(req)
	if err != nil {
		return vaultPage{}, err
	}
	if !runtime.HasStatusCode(resp, http.StatusOK) {
		return vaultPage{}, runtime.NewResponseError(resp)
	}
	var page vaultPage
	return page, runtime.UnmarshalAsJSON(resp, &page)
}

func value[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
