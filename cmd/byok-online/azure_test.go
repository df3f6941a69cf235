package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/testkit/practice"
)

// fakeAzure plays Entra, Azure Resource Manager and, in front of a rehearsal,
// a vault that is not a rehearsal's: all a private cloud has, on one TLS server.
type fakeAzure struct {
	server    *httptest.Server
	token     string        // what it hands out, and requires
	ahead     time.Duration // of its clock
	challenge string        // instead of the right one
	vault     http.Handler  // behind the token; nil has none
}

const (
	tenant       = "11111111-2222-3333-4444-555555555555"
	subscription = "01234567-89ab-cdef-0123-456789abcdef"
	clientSecret = "hunter2-the-client-secret"
)

// newAzure starts it; v may be nil.
func newAzure(v *practice.Vault) *fakeAzure {
	claims, _ := json.Marshal(map[string]any{"appid": "uploader-app", "app_displayname": "uploader", "idtyp": "app", "oid": "object-1", "tid": tenant})
	b64 := base64.RawURLEncoding.EncodeToString
	a := &fakeAzure{token: b64([]byte(`{"alg":"none"}`)) + "." + b64(claims) + "." + b64([]byte("hunter2-signature"))}
	a.server = httptest.NewUnstartedServer(a)
	a.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.server.StartTLS()
	if v != nil {
		a.vault = a.proxy(v)
	}
	return a
}

// proxy hands requests on to the rehearsal vault with its own token. Each side
// sees its own address of the vault, in packages too.
func (a *fakeAzure) proxy(v *practice.Vault) http.Handler {
	target, _ := url.Parse(v.Open.URL)
	return &httputil.ReverseProxy{
		Transport: v.Open.HTTP().Transport, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			token, _ := v.Open.Credential().GetToken(r.In.Context(), policy.TokenRequestOptions{})
			r.Out.Header.Set("Authorization", "Bearer "+token.Token)
			r.Out.Header.Del("Accept-Encoding")
			body, _ := io.ReadAll(r.In.Body)
			body = readdress(body, a.server.URL, v.Open.URL)
			r.Out.Body, r.Out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		},
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			body = bytes.ReplaceAll(body, []byte(v.Open.URL), []byte(a.server.URL))
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return err
		},
	}
}

var keyHSM = regexp.MustCompile(`"key_hsm":"([^"]*)"`)

// readdress replaces the vault's address in the package of an import.
func readdress(body []byte, from, to string) []byte {
	return keyHSM.ReplaceAllFunc(body, func(field []byte) []byte {
		blob, _ := base64.RawURLEncoding.DecodeString(string(keyHSM.FindSubmatch(field)[1]))
		blob = bytes.ReplaceAll(blob, []byte(from), []byte(to))
		return []byte(`"key_hsm":"` + base64.RawURLEncoding.EncodeToString(blob) + `"`)
	})
}

func (a *fakeAzure) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", time.Now().Add(a.ahead).UTC().Format(http.TimeFormat))
	w.Header().Set("X-Ms-Request-Id", "req-1")
	switch {
	case strings.HasSuffix(r.URL.Path, "/.well-known/openid-configuration"):
		base := a.server.URL + "/" + tenant
		a.say(w, map[string]any{"token_endpoint": base + "/token", "authorization_endpoint": base + "/authorize", "issuer": base})
	case strings.HasSuffix(r.URL.Path, "/token"):
		a.hand(w, r)
	case r.Header.Get("Authorization") != "Bearer "+a.token:
		a.refuse(w)
	case strings.HasPrefix(r.URL.Path, "/subscriptions"):
		a.manage(w, r)
	case a.vault != nil:
		a.vault.ServeHTTP(w, r)
	}
}

func (a *fakeAzure) say(w http.ResponseWriter, body any) { _ = json.NewEncoder(w).Encode(body) }

// hand gives a token to whoever knows the secret.
func (a *fakeAzure) hand(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("client_secret") != clientSecret {
		w.WriteHeader(http.StatusUnauthorized)
		a.say(w, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided. Trace ID: 0f0e0d0c-0000-0000-0000-000000000000"})
		return
	}
	a.say(w, map[string]any{"access_token": a.token, "expires_in": 3600, "token_type": "Bearer"})
}

func (a *fakeAzure) refuse(w http.ResponseWriter) {
	challenge := a.challenge
	if challenge == "" {
		challenge = fmt.Sprintf(`Bearer authorization="%s/%s", resource="https://vault.corp.example"`, a.server.URL, tenant)
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.WriteHeader(http.StatusUnauthorized)
	a.say(w, map[string]any{"error": map[string]string{"code": "Unauthorized", "message": "AKV10000: Request is missing a Bearer or PoP token."}})
}

// manage answers as Azure Resource Manager does, in two pages for the vaults.
func (a *fakeAzure) manage(w http.ResponseWriter, r *http.Request) {
	base := "/subscriptions/" + subscription
	id := base + "/resourceGroups/rg/providers/Microsoft.KeyVault/"
	switch r.URL.Path {
	case "/subscriptions":
		a.say(w, map[string]any{"value": []any{map[string]any{"subscriptionId": subscription, "displayName": "Treasury", "state": "Enabled", "tenantId": tenant}}})
	case base + "/providers/Microsoft.KeyVault/vaults":
		if r.URL.Query().Get("$skiptoken") == "" {
			a.say(w, map[string]any{"value": []any{vaultResource(id, "alfa", "standard")}, "nextLink": a.server.URL + r.URL.Path + "?$skiptoken=2"})
			return
		}
		a.say(w, map[string]any{"value": []any{vaultResource(id, "zulu", "premium")}})
	case base + "/providers/Microsoft.KeyVault/managedHSMs":
		a.say(w, map[string]any{"value": []any{map[string]any{"id": id + "managedHSMs/mike", "name": "mike", "location": "uksouth", "sku": map[string]string{"name": "Standard_B1"},
			"properties": map[string]string{"hsmUri": "https://mike.managedhsm.corp.example/", "tenantId": tenant, "provisioningState": "Succeeded"}}}})
	default:
		w.WriteHeader(http.StatusNotFound)
		a.say(w, map[string]any{"error": map[string]string{"code": "SubscriptionNotFound", "message": "The subscription could not be found."}})
	}
}

func vaultResource(id, name, sku string) map[string]any {
	return map[string]any{"id": id + "vaults/" + name, "name": name, "location": "westeurope", "properties": map[string]any{
		"sku": map[string]string{"name": sku}, "vaultUri": "https://" + name + ".vault.corp.example/", "tenantId": tenant, "provisioningState": "Succeeded"}}
}

// caFile writes the server's certificate to path.
func (a *fakeAzure) caFile(path string) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.server.Certificate().Raw}), 0o644)
}

// options sign in to it, with files in dir.
func (a *fakeAzure) options(dir string) ([]string, error) {
	ca, secret := filepath.Join(dir, "azure.pem"), filepath.Join(dir, "azure.secret")
	if err := os.WriteFile(secret, []byte(clientSecret+"\n"), 0o600); err != nil {
		return nil, err
	}
	return []string{
		"--cloud", "custom", "--vault-suffix", ".vault.corp.example", "--ca-file", ca, "--disable-instance-discovery",
		"--auth", "client-secret", "--tenant", tenant, "--client-id", "uploader-app", "--client-secret-file", secret,
	}, a.caFile(ca)
}

// startAzure: azure [AHEAD [CHALLENGE]] starts a private cloud, in front of the
// rehearsal vault where there is one. It sets $AZURE to its address and
// $AZURE_AUTHORITY_HOST and $SUBSCRIPTION; @azure in a command line signs in
// to it. Its clock is AHEAD, and it challenges with CHALLENGE where given.
func startAzure(ts *testscript.TestScript, _ bool, args []string) {
	a := newAzure(sceneOf(ts).vault)
	if len(args) > 0 {
		var err error
		a.ahead, err = time.ParseDuration(args[0])
		ts.Check(err)
	}
	if len(args) > 1 {
		a.challenge = args[1]
	}
	ts.Defer(a.server.Close)
	options, err := a.options(ts.MkAbs("."))
	ts.Check(err)
	sceneOf(ts).azure, sceneOf(ts).address = options, a.server.URL
	for name, value := range map[string]string{"AZURE": a.server.URL, "AZURE_AUTHORITY_HOST": a.server.URL + "/", "SUBSCRIPTION": subscription} {
		ts.Setenv(name, value)
	}
}
