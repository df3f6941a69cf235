package azure

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// roundTrip is Entra, played in process.
type roundTrip func(*http.Request) (int, string)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	return respond(r, status, "application/json", body), nil
}

// answers is any server, played in process.
type answers func(*http.Request) *http.Response

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func respond(r *http.Request, status int, kind, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(body)), Request: r,
		Header: http.Header{"Content-Type": {kind}, "X-Ms-Request-Id": {"entra-1"}},
	}
}

const tenantMetadata = `{"token_endpoint":"https://login.microsoftonline.com/t/oauth2/v2.0/token","authorization_endpoint":"https://login.microsoftonline.com/t/oauth2/v2.0/authorize",
"device_authorization_endpoint":"https://login.microsoftonline.com/t/oauth2/v2.0/devicecode","issuer":"https://login.microsoftonline.com/t/v2.0"}`

// entra answers discovery, and token requests with status and body.
func entra(status int, body string) *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (int, string) {
		switch {
		case strings.Contains(r.URL.Path, "openid-configuration"):
			return 200, tenantMetadata
		case strings.Contains(r.URL.Path, "/devicecode"):
			return 200, `{"user_code":"ABC","device_code":"hunter2","verification_uri":"https://microsoft.com/devicelogin","expires_in":900,"interval":1,"message":"enter ABC at https://microsoft.com/devicelogin"}`
		}
		return status, body
	})}
}

// jwtOf is an unsigned token with these claims.
func jwtOf(claims map[string]any) string {
	payload, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"none"}`)) + "." + b64(payload) + "." + b64([]byte("sig"))
}

func public(t *testing.T) Cloud {
	t.Helper()
	c, err := FindCloud("", CloudOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func noEnvironment(string) string { return "" }

func appOptions(t *testing.T, h *http.Client) CredentialOptions {
	return CredentialOptions{Method: "client-secret", Cloud: public(t), Tenant: "t", ClientID: "app", ClientSecret: secret.Take([]byte("hunter2")),
		HTTP: h, DisableInstanceDiscovery: true, Getenv: noEnvironment}
}

func TestEntraRefusals(t *testing.T) {
	rules := map[string]Rule{}
	for _, r := range entraRules {
		rules[r.Code] = r
	}
	if len(rules) != len(entraRules) || len(rules) < 20 {
		t.Fatalf("%d codes, %d rules", len(rules), len(entraRules))
	}
	for code, rule := range rules {
		body := fmt.Sprintf(`{"error":"invalid_client","error_description":"AADSTS%s: In Entra's words. Trace ID: 0f0e0d0c-0000-0000-0000-000000000000","error_codes":[%s]}`, code, code)
		cred, err := NewCredential(appOptions(t, entra(401, body)))
		if err != nil {
			t.Fatal(err)
		}
		_, err = Who(context.Background(), cred, public(t), "")
		check(t, err, exitcode.Vault, "sign in: "+rule.Text+" (AADSTS"+code+", request entra-1)", rule.Hint)
		if d := Detail(err); !strings.Contains(d, "In Entra's words") || strings.Contains(d, "hunter2") {
			t.Errorf("detail: %s", d)
		}
	}
	cred, err := NewCredential(appOptions(t, entra(400, `{"error":"x","error_description":"AADSTS99999: Never heard of.\r\nTrace ID: x"}`)))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Who(context.Background(), cred, public(t), "")
	check(t, err, exitcode.Vault, `sign in: Entra refused: Never heard of (AADSTS99999, request entra-1)`, "https://login.microsoftonline.com/error?code=99999")
}

func TestAnotherTenantThanTheVaults(t *testing.T) {
	cred, err := NewCredential(appOptions(t, entra(200, "{}")))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Who(context.Background(), cred, public(t), "other")
	check(t, err, exitcode.Vault, "sign in: the vault is in a different tenant than the one to sign in to", "--tenant with the vault's tenant")
}

func TestWho(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		want   Identity
	}{
		"a person":       {map[string]any{"upn": "ada@contoso.com", "name": "Ada", "appid": "cli", "oid": "o", "tid": "t", "idtyp": "user"}, Identity{Account: "ada@contoso.com", Name: "Ada", ObjectID: "o", Tenant: "t"}},
		"a guest":        {map[string]any{"unique_name": "live.com#ada@x", "name": "Ada", "oid": "o", "tid": "t"}, Identity{Account: "live.com#ada@x", Name: "Ada", ObjectID: "o", Tenant: "t"}},
		"a v2.0 token":   {map[string]any{"preferred_username": "ada@contoso.com", "oid": "o", "tid": "t", "azp": "cli"}, Identity{Account: "ada@contoso.com", ObjectID: "o", Tenant: "t"}},
		"an application": {map[string]any{"appid": "app", "app_displayname": "uploader", "oid": "o", "tid": "t", "idtyp": "app"}, Identity{Account: "app", Name: "uploader", Application: true, ObjectID: "o", Tenant: "t"}},
		"an app, v2.0":   {map[string]any{"azp": "app", "oid": "o", "tid": "t"}, Identity{Account: "app", Application: true, ObjectID: "o", Tenant: "t"}},
	} {
		cred, err := NewCredential(appOptions(t, entra(200, fmt.Sprintf(`{"access_token":%q,"expires_in":3600,"token_type":"Bearer"}`, jwtOf(c.claims)))))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Who(context.Background(), cred, public(t), "")
		if err != nil || time.Until(got.Expires) < 50*time.Minute || got.Cloud != "AzurePublic" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		got.Expires, got.Cloud = time.Time{}, ""
		if got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// tokens is a credential with these tokens, in turn.
type tokens []string

func (t *tokens) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if len(*t) == 0 {
		return azcore.AccessToken{}, errors.New("no more")
	}
	next := (*t)[0]
	*t = (*t)[1:]
	return azcore.AccessToken{Token: next, ExpiresOn: noon}, nil
}

func TestObserved(t *testing.T) {
	o := Observe(&tokens{"hunter2", jwtOf(map[string]any{"upn": "ada@contoso.com", "tid": "t"})}, public(t))
	for i, want := range []Identity{{}, {Account: "ada@contoso.com", Tenant: "t", Cloud: "AzurePublic", Expires: noon}, {Account: "ada@contoso.com", Tenant: "t", Cloud: "AzurePublic", Expires: noon}} {
		token, err := o.GetToken(context.Background(), policy.TokenRequestOptions{})
		if failed := err != nil; failed != (i == 2) || failed != (token.Token == "") {
			t.Errorf("%d: %v", i, err)
		}
		if got, known := o.Identity(); got != want || known != (i > 0) {
			t.Errorf("%d: %+v, %v", i, got, known)
		}
	}
}

func TestTokensThatSayNothing(t *testing.T) {
	for token, want := range map[string]string{
		"hunter2":        "signed in, but the token does not say for whom: it is not a JSON Web Token",
		"a.hunter2!.c":   "signed in, but the token does not say for whom: its claims cannot be read",
		"a.aHVudGVyMg.c": "signed in, but the token does not say for whom: its claims cannot be read",
	} {
		_, err := identity(token)
		check(t, err, exitcode.Vault, want, "")
	}
}

func TestMethods(t *testing.T) {
	pipelines := map[string]string{"AZURESUBSCRIPTION_TENANT_ID": "t", "AZURESUBSCRIPTION_CLIENT_ID": "c", "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "s", "SYSTEM_ACCESSTOKEN": "hunter2",
		"AZURE_CLIENT_CERTIFICATE_PATH": certificateFile(t), "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}
	t.Setenv("AZURE_TENANT_ID", "t") // what azidentity reads by itself
	t.Setenv("AZURE_CLIENT_ID", "c")
	t.Setenv("AZURE_CLIENT_SECRET", "hunter2")
	t.Setenv("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent")
	t.Setenv("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/contoso")
	for _, method := range append(Methods(), "") {
		o := CredentialOptions{Method: method, Cloud: public(t), ClientSecret: secret.Take([]byte("hunter2")), DisableInstanceDiscovery: true, HTTP: entra(400, "{}"),
			Getenv: func(name string) string { return pipelines[name] }, Prompt: func(string) {}}
		if cred, err := NewCredential(o); err != nil || cred == nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}

func certificateFile(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app.pem")
	data := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestCredentialRefused(t *testing.T) {
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	junk := filepath.Join(t.TempDir(), "junk.pem")
	if err := os.WriteFile(junk, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		o          CredentialOptions
		code       exitcode.Code
		want, hint string
	}{
		"no such method": {CredentialOptions{Method: "password"}, exitcode.Usage, "--auth password: no such method", "--auth " + strings.Join(Methods(), "|")},
		"no tenant":      {CredentialOptions{Method: "client-secret"}, exitcode.Usage, "--auth client-secret: neither --tenant nor AZURE_TENANT_ID is given", ""},
		"no application": {CredentialOptions{Method: "client-certificate", Tenant: "t"}, exitcode.Usage, "--auth client-certificate: neither --client-id nor AZURE_CLIENT_ID is given", ""},
		"no certificate": {CredentialOptions{Method: "client-certificate", Tenant: "t", ClientID: "c"}, exitcode.Usage, "--auth client-certificate: neither --client-certificate nor AZURE_CLIENT_CERTIFICATE_PATH is given", ""},
		"no secret":      {CredentialOptions{Method: "client-secret", Tenant: "t", ClientID: "c"}, exitcode.Usage, "--auth client-secret: no secret is given", "--client-secret-file FILE"},
		"junk":           {CredentialOptions{Method: "client-certificate", Tenant: "t", ClientID: "c", CertificateFile: junk}, exitcode.Usage, "--auth client-certificate: " + junk + ": no certificate with its private key, or a wrong password", "--client-certificate-password-file FILE"},
		"missing file":   {CredentialOptions{Method: "client-certificate", Tenant: "t", ClientID: "c", CertificateFile: junk + "x"}, exitcode.Usage, "--auth client-certificate: " + junk + "x: no such file", ""},
		"no pipeline":    {CredentialOptions{Method: "azure-pipelines", Tenant: "t", ClientID: "c"}, exitcode.Usage, "--auth azure-pipelines: AZURESUBSCRIPTION_SERVICE_CONNECTION_ID and SYSTEM_ACCESSTOKEN are set only in an AzureCLI or AzurePowerShell task that maps them", ""},
		"no environment": {CredentialOptions{Method: "environment"}, exitcode.Usage, "--auth environment: missing environment variable AZURE_TENANT_ID", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Cloud, c.o.Getenv = public(t), noEnvironment
			_, err := NewCredential(c.o)
			check(t, err, c.code, c.want, c.hint)
		})
	}
}

// tool puts a program of that name alone on the path.
func tool(t *testing.T, name, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
}

func TestToolsOnThePath(t *testing.T) {
	token := jwtOf(map[string]any{"upn": "ada@contoso.com", "tid": "t"})
	answer := fmt.Sprintf(`echo '{"accessToken":%q,"expiresOn":"2099-01-01 00:00:00.000000","expires_on":4070908800,"token":%q}'`, token, token)
	for name, c := range map[string]struct {
		method, tool, script string
		want, hint           string // error
	}{
		"cli":             {"cli", "az", answer, "", ""},
		"cli, absent":     {"cli", "nothing", "", "sign in: the Azure CLI is not installed, or not on the path", "install azure-cli, or --auth with another method"},
		"cli, signed out": {"cli", "az", `echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`, "sign in: no one is signed in to the Azure CLI", "az login"},
		"cli, expired":    {"cli", "az", `echo "ERROR: AADSTS700082: The refresh token has expired due to inactivity." >&2; exit 1`, "sign in: the sign-in has expired after long disuse (AADSTS700082)", "az login, or --auth with another method"},
		"azd, absent":     {"azd", "nothing", "", "sign in: the Azure Developer CLI is not installed, or not on the path", "install azd, or --auth with another method"},
		"pwsh, absent":    {"powershell", "nothing", "", "sign in: PowerShell is not installed, or not on the path", "install pwsh and the module Az.Accounts, or --auth with another method"},
	} {
		t.Run(name, func(t *testing.T) {
			tool(t, c.tool, c.script)
			cred, err := NewCredential(CredentialOptions{Method: c.method, Cloud: public(t), Getenv: noEnvironment})
			if err != nil {
				t.Fatal(err)
			}
			id, err := Who(context.Background(), cred, public(t), "")
			if c.want != "" {
				check(t, err, exitcode.Vault, c.want, c.hint)
			} else if err != nil || id.Account != "ada@contoso.com" {
				t.Errorf("%+v, %v", id, err)
			}
		})
	}
}

func TestDeviceCode(t *testing.T) {
	shown := ""
	h := entra(200, fmt.Sprintf(`{"access_token":%q,"expires_in":3600,"token_type":"Bearer","scope":"https://vault.azure.net/.default","id_token":%q,"client_info":"eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ"}`,
		jwtOf(map[string]any{"upn": "ada@contoso.com", "tid": "t"}), jwtOf(map[string]any{"oid": "o", "tid": "t"})))
	o := CredentialOptions{Method: "device-code", Cloud: public(t), Tenant: "t", HTTP: h, DisableInstanceDiscovery: true, Getenv: noEnvironment, Prompt: func(text string) { shown = text }}
	cred, err := NewCredential(o)
	if err != nil {
		t.Fatal(err)
	}
	id, err := Who(context.Background(), cred, public(t), "")
	if err != nil || id.Account != "ada@contoso.com" || shown != "enter ABC at https://microsoft.com/devicelogin" {
		t.Errorf("%+v, %v, shown %q", id, err, shown)
	}
	o.Prompt = nil
	_, err = NewCredential(o)
	check(t, err, exitcode.Usage, "--auth device-code: no terminal to show the code on", "")
}

// failing is a credential that fails with words, as azidentity's do.
type failing string

func (f failing) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, fmt.Errorf("%s", string(f))
}

// TestCredentialWords has every rule about a credential's words fire.
func TestCredentialWords(t *testing.T) {
	for i, r := range credentialRules {
		_, err := Who(context.Background(), failing("xCredential: "+r.Contains+": more"), public(t), "")
		check(t, err, exitcode.Vault, "sign in: "+r.Text, r.Hint)
		if r.Hint == "" || r.Text == "" {
			t.Errorf("rule %d is incomplete", i)
		}
	}
}
