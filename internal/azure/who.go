package azure

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/base64url"
	"byok/internal/exitcode"
	"byok/internal/stamp"
)

// Identity is who a credential signs in as, from the claims of its token.
// The claims are the token's own word: good for showing, not for deciding.
type Identity struct {
	Account     string    `json:"account"`     // user principal name, or an application's client id
	Name        string    `json:"name"`        // display name, where the token has one
	Application bool      `json:"application"` // an application or managed identity, not a person
	ObjectID    string    `json:"object_id"`
	Tenant      string    `json:"tenant"` // directory id
	Cloud       string    `json:"cloud"`
	Expires     time.Time `json:"expires"` // of the token
}

// Who signs in for a vault of c, in tenant or the credential's own when it is
// empty, and returns whose token came back. The token itself goes no further.
func Who(ctx context.Context, cred azcore.TokenCredential, c Cloud, tenant string) (Identity, error) {
	token, err := cred.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.vaultScope()}, TenantID: tenant})
	if err != nil {
		return Identity{}, Explain("sign in", err, time.Now())
	}
	id, err := identity(token.Token)
	if err != nil {
		return Identity{}, err
	}
	id.Cloud, id.Expires = c.Name, stamp.Of(token.ExpiresOn)
	return id, nil
}

// Observed is a credential that remembers whose tokens it hands out, so that
// the account in use can be said back without signing in once more.
type Observed struct {
	cred  azcore.TokenCredential
	cloud string

	mu   sync.Mutex
	last Identity
}

// Observe returns cred with a memory.
func Observe(cred azcore.TokenCredential, c Cloud) *Observed {
	return &Observed{cred: cred, cloud: c.Name}
}

// GetToken implements azcore.TokenCredential.
func (o *Observed) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := o.cred.GetToken(ctx, options)
	if err != nil {
		return token, err
	}
	if id, unreadable := identity(token.Token); unreadable == nil {
		id.Cloud, id.Expires = o.cloud, stamp.Of(token.ExpiresOn)
		o.mu.Lock()
		defer o.mu.Unlock()
		o.last = id
	}
	return token, nil
}

// Identity is whose the last token was; false before there was one, and where
// it does not say, as in a rehearsal.
func (o *Observed) Identity() (Identity, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last, o.last != Identity{}
}

type claims struct {
	UPN        string `json:"upn"`
	UniqueName string `json:"unique_name"`
	Preferred  string `json:"preferred_username"`
	Name       string `json:"name"`
	AppID      string `json:"appid"` // v1.0 tokens
	Azp        string `json:"azp"`   // v2.0 tokens
	AppName    string `json:"app_displayname"`
	IDType     string `json:"idtyp"` // "app" or "user"
	OID        string `json:"oid"`
	TID        string `json:"tid"`
}

// identity reads the middle part of a JSON Web Token (RFC 7519, section 3).
// Its errors quote nothing of it.
func identity(token string) (Identity, error) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Identity{}, exitcode.Errorf(exitcode.Vault,
			"signed in, but the token does not say for whom: it is not a JSON Web Token")
	}
	payload, err := base64url.Decode(strings.TrimRight(parts[1], "="))
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return Identity{}, exitcode.Errorf(exitcode.Vault,
			"signed in, but the token does not say for whom: its claims cannot be read")
	}
	user := cmp.Or(c.UPN, c.Preferred, c.UniqueName)
	id := Identity{Account: user, Name: c.Name, ObjectID: c.OID, Tenant: c.TID}
	if c.IDType == "app" || user == "" {
		id.Application, id.Account, id.Name = true, cmp.Or(c.AppID, c.Azp), c.AppName
	}
	return id, nil
}
