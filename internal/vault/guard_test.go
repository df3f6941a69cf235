package vault

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/vault/endpoint"
)

func TestChallengeRefused(t *testing.T) {
	const notVault = "check that the address is a key vault's or a Managed HSM's"
	nameless := "read key contoso: the answer of HOST is not a vault's: its challenge does not name one tenant and a resource"
	for name, c := range map[string]struct{ challenge, want, hint string }{
		"none":                   {"", nameless, notVault},
		"another scheme":         {`Basic realm="vault"`, nameless, notVault},
		"the SDK's panic":        {`Bearer authorization="https://login.rehearsal.invalid", resource="https://managed-hsm.rehearsal.invalid"`, nameless, notVault},
		"no slash at all":        {`Bearer authorization="tenant", resource="https://managed-hsm.rehearsal.invalid"`, nameless, notVault},
		"plain http":             {`Bearer authorization="http://login.rehearsal.invalid/t", resource="https://managed-hsm.rehearsal.invalid"`, nameless, notVault},
		"no resource":            {`Bearer authorization="https://login.rehearsal.invalid/t"`, nameless, notVault},
		"another service":        {`Bearer authorization="https://login.rehearsal.invalid/t", resource="https://management.azure.com"`, `read key contoso: HOST asks for a token for another service, "https://management.azure.com"`, notVault},
		"a second resource":      {`Bearer authorization="https://l/t", resource="https://managed-hsm.rehearsal.invalid" scope="https://graph.microsoft.com/.default"`, `read key contoso: HOST asks for a token for another service, "https://graph.microsoft.com/.default"`, notVault},
		"a resource unquoted":    {`Bearer authorization="https://l/t", resource=https://graph.microsoft.com scope="https://managed-hsm.rehearsal.invalid"`, `read key contoso: HOST asks for a token for another service, "https://graph.microsoft.com"`, notVault},
		"a second tenant":        {`Bearer authorization="https://l/t", authorization=https://l resource="https://managed-hsm.rehearsal.invalid"`, nameless, notVault},
		"two halves of a name":   {`Bearer authorization="https://l/t" resource="https://managed-hsm.rehearsal.invalid" scoBearer pe="https://graph.microsoft.com"`, `read key contoso: HOST asks for a token for another service, "https://graph.microsoft.com"`, notVault},
		"user in the resource":   {`Bearer authorization="https://l/t" resource="https://graph.microsoft.com@managed-hsm.rehearsal.invalid"`, `read key contoso: HOST asks for a token for another service, "https://graph.microsoft.com@managed-hsm.rehearsal.invalid"`, notVault},
		"quote in the tenant":    {`Bearer authorization=https://l/t",scope="x resource="https://managed-hsm.rehearsal.invalid"`, nameless, notVault},
		"a wish for claims":      {`Bearer error="insufficient_claims", claims="e30="`, nameless, notVault},
		"a resource without TLS": {`Bearer authorization="https://l/t", resource="http://managed-hsm.rehearsal.invalid"`, `read key contoso: HOST asks for a token for another service, "http://managed-hsm.rehearsal.invalid"`, notVault},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			s.challenge = c.challenge
			client, clock := s.client()
			_, err := client.Key(context.Background(), "contoso", "")
			check(t, err, exitcode.Vault, s.host(), c.want, c.hint)
			if len(clock.slept) > 0 || s.requests != 1 {
				t.Errorf("it was tried %d times", s.requests)
			}
		})
	}
}

func TestClockSkew(t *testing.T) {
	for _, c := range map[string]struct {
		date time.Time
		want string
	}{
		"ahead":  {noon.Add(-2 * time.Hour), "read key contoso: the clock of this computer is 2h0m0s ahead of the vault's"},
		"behind": {noon.Add(2 * time.Hour), "read key contoso: the clock of this computer is 2h0m0s behind the vault's"},
	} {
		s := newScript(t)
		s.date = c.date
		client, _ := s.client()
		_, err := client.Key(context.Background(), "contoso", "")
		check(t, err, exitcode.Vault, "", c.want, "set it (timedatectl set-ntp true): expiry dates and proofs depend on it")
	}
	s := newScript(t, step{"GET /keys/contoso/", fakeKey{name: "contoso", version: version1, kty: "oct-HSM"}.bundle})
	s.date = noon.Add(4 * time.Minute)
	client, _ := s.client()
	if _, err := client.Key(context.Background(), "contoso", ""); err != nil {
		t.Errorf("four minutes: %v", err)
	}
}

// TestClaimsThatAreNone: an answered challenge whose claims cannot be decoded
// is a new challenge to the SDK, and is checked as one.
func TestClaimsThatAreNone(t *testing.T) {
	for _, c := range []struct{ name, challenge string }{
		{"no claims", `Bearer error="insufficient_claims", scope="https://graph.microsoft.com" authorization="https://l/t"`},
		{"broken claims", `Bearer error="insufficient_claims", claims="*", scope="https://graph.microsoft.com" authorization="https://l/t"`},
	} {
		s := newScript(t, step{"GET /keys/contoso/", func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("WWW-Authenticate", c.challenge)
			w.WriteHeader(http.StatusUnauthorized)
		}})
		client, _ := s.client()
		_, err := client.Key(context.Background(), "contoso", "")
		check(t, err, exitcode.Vault, s.host(), `read key contoso: HOST asks for a token for another service, "https://graph.microsoft.com"`, endpoint.HintNoVault)
	}
}

// A vault may ask for a newer token later on: continuous access evaluation.
func TestClaimsChallenge(t *testing.T) {
	wish := func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="https://login.microsoftonline.com/common", error="insufficient_claims", claims="e30="`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	s := newScript(t, step{"GET /keys/contoso/", wish}, step{"GET /keys/contoso/", anAESKey.bundle})
	client, _ := s.client()
	if _, err := client.Key(context.Background(), "contoso", ""); err != nil {
		t.Error(err)
	}
}

// noToken is a credential without anybody signed in, and its error.
type noToken struct{}

func (noToken) Error() string {
	return "AzureCLICredential: ERROR: Please run 'az login' to setup account."
}

func (noToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, noToken{}
}

func TestNotSignedIn(t *testing.T) {
	s := newScript(t)
	client, clock := s.client()
	c, err := New(client.address, noToken{}, Options{HTTP: s.server.Client(), Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Import(context.Background(), kinds()["P-256"])
	check(t, err, exitcode.Vault, "", "list the versions of key contoso: no one is signed in to the Azure CLI", "az login")
	if len(clock.slept) > 0 || s.requests != 1 {
		t.Errorf("%d requests, waited %v", s.requests, clock.slept)
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`Bearer authorization="https://login.rehearsal.invalid/tenant", resource="https://managed-hsm.rehearsal.invalid"`)
	f.Add(`Bearer authorization=https://x resource="https://managed-hsm.rehearsal.invalid" scope=`)
	f.Add(`Bearer authorization="https://l/t" resource="https://managed-hsm.rehearsal.invalid#f"`)
	f.Add(`Bearer authorization="https://l/t#f" resource="https://managed-hsm.rehearsal.invalid/?q"`)
	address, err := endpoint.Parse("https://localhost:1", endpoint.Allow{Rehearsal: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		var scope string
		cred := scopes{&scope}
		h := &http.Client{Transport: refuser(header)}
		c, err := New(address, cred, Options{HTTP: h, Clock: &fakeClock{now: noon}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Key(context.Background(), "k", "")
		if err == nil || strings.Contains(err.Error(), "the SDK failed") {
			t.Errorf("%q: %v", header, err)
		}
		u, err := url.Parse(strings.TrimSuffix(scope, "/.default"))
		if scope != "" && (err != nil || scope != "https://"+u.Host+"/.default" ||
			u.Host != "localhost:1" && !strings.HasSuffix(u.Host, ".rehearsal.invalid")) {
			t.Errorf("%q: a token for %q", header, scope)
		}
	})
}

// scopes is a credential that remembers what it was asked for.
type scopes struct{ asked *string }

func (s scopes) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*s.asked = o.Scopes[0]
	return azcore.AccessToken{Token: "t", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// refuser is a server that answers every request with this challenge.
type refuser string

func (f refuser) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusUnauthorized, Header: http.Header{"Www-Authenticate": {string(f)}}, Body: http.NoBody, Request: r}, nil
}

func TestNextPageElsewhere(t *testing.T) {
	s := newScript(t, step{"GET /keys/contoso/versions", answer(200, `{"value":[],"nextLink":"https://evil.example/keys?token"}`)})
	client, _ := s.client()
	_, err := client.versions(context.Background(), "contoso")
	check(t, err, exitcode.Vault, "", `list the versions of key contoso: the vault refers to another host, "evil.example"`, "")
}

// serviceClient is a client of contoso.vault.azure.net, whose name leads to
// the script's server without the resolver's help.
func serviceClient(t *testing.T, s *script, addresses ...string) *Client {
	t.Helper()
	cloud, err := azure.FindCloud("public", azure.CloudOptions{})
	if err != nil {
		t.Fatal(err)
	}
	address, err := endpoint.Parse("https://contoso.vault.azure.net", endpoint.Allow{Cloud: cloud})
	if err != nil {
		t.Fatal(err)
	}
	through := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, s.host())
		},
		TLSClientConfig: &tls.Config{RootCAs: s.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"},
	}}
	c, err := newClient(address, token("rehearsal-token"), Options{HTTP: through, Clock: &fakeClock{now: noon}},
		func(context.Context, string, string) (out []netip.Addr, err error) {
			for _, a := range addresses {
				out = append(out, netip.MustParseAddr(a))
			}
			return out, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestServiceChallenge(t *testing.T) {
	for name, c := range map[string]struct{ resource, want string }{
		"its own":      {"https://vault.azure.net", ""},
		"Managed HSM":  {"https://managedhsm.azure.net", `read key contoso: contoso.vault.azure.net asks for a token for another service, "https://managedhsm.azure.net"`},
		"all of Azure": {"https://azure.net", ""}, // the SDK's rule: a parent domain of the vault's
		"a rehearsal":  {"https://managed-hsm.rehearsal.invalid", `read key contoso: contoso.vault.azure.net asks for a token for another service, "https://managed-hsm.rehearsal.invalid"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScript(t)
			if c.want == "" {
				s.steps = []step{{"GET /keys/contoso/", missing}}
			}
			s.challenge = `Bearer authorization="https://login.microsoftonline.com/t", resource="` + c.resource + `"`
			_, err := serviceClient(t, s, "20.1.2.3").Key(context.Background(), "contoso", "")
			if c.want == "" {
				check(t, err, exitcode.Vault, "", "read key contoso: the vault has no such key: A key with (name/id) was not found in this key vault (KeyNotFound, request req-1)", "check the name and the vault; a new key takes some minutes to reach every region of a Managed HSM")
				return
			}
			check(t, err, exitcode.Vault, "", c.want, "check that the address is a key vault's or a Managed HSM's")
		})
	}
}

func TestServiceNameLeadsHere(t *testing.T) {
	s := newScript(t)
	_, err := serviceClient(t, s, "20.1.2.3", "127.0.0.1").Key(context.Background(), "contoso", "")
	check(t, err, exitcode.Vault, "", "read key contoso: contoso.vault.azure.net resolves to a loopback address (127.0.0.1)",
		"check /etc/hosts and the DNS; --test-vault if intended")
	if s.requests != 0 {
		t.Errorf("%d requests were sent", s.requests)
	}
}

// TestListsEnd: no list of the vault goes on for ever.
func TestListsEnd(t *testing.T) {
	at := func(page string) func(http.ResponseWriter, *http.Request, []byte) {
		return func(w http.ResponseWriter, r *http.Request, body []byte) {
			link := "https://" + r.Host + "/keys/contoso/versions?page=" + page
			answer(200, `{"value":[],"nextLink":"`+link+`"}`)(w, r, body)
		}
	}
	list := "GET /keys/contoso/versions"
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"to itself", []step{{list, at("1")}, {list, at("1")}}},
		{"in a ring", []step{{list, at("1")}, {list, at("2")}, {list, at("1")}}},
	} {
		client, clock := newScript(t, c.steps...).client()
		_, err := client.versions(context.Background(), "contoso")
		check(t, err, exitcode.Vault, "", "list the versions of key contoso: the list does not end: a page refers back to an earlier one", "")
		if len(clock.slept) > 0 {
			t.Errorf("%s: tried again", c.name)
		}
	}
}

// TestTokenIsNotEchoed: an answer that holds our token in another shape is
// shown without it, also to --debug.
func TestTokenIsNotEchoed(t *testing.T) {
	const ours = "headerheader.payloadpayload.signaturesignature"
	s := newScript(t)
	s.token = ours
	s.steps = []step{{"GET /keys/contoso/", refusal(400, "BadParameter", "", "what is "+strings.ReplaceAll(ours, ".", "-"))}}
	client, _ := s.client()
	c, err := New(client.address, token(ours), Options{HTTP: s.server.Client(), Clock: &fakeClock{now: noon}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Key(context.Background(), "contoso", "")
	check(t, err, exitcode.Vault, "", "read key contoso: the service refused: what is [token]-[token]-[token] (BadParameter, request req-1)", "")
	if detail := azure.Detail(err); !strings.Contains(detail, "what is [token]") || strings.Contains(detail, "payloadpayload") {
		t.Errorf("%s", detail)
	}
}
