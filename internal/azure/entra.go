package azure

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

var (
	aadsts  = regexp.MustCompile(`AADSTS(\d+)`)
	traceID = regexp.MustCompile(`(?i)trace id: ([0-9a-f-]{36})`)
)

// entra fills e from Entra's refusal of a token.
func (e *Error) entra(resp *http.Response, words string) (hint string) {
	body, _ := runtime.Payload(resp)
	e.Status, e.Raw = resp.StatusCode, redact(raw(resp, body))
	if refusedElsewhere(resp, body) {
		e.Text, hint = foreign(resp)
		return hint
	}
	var answer struct {
		Description string `json:"error_description"` // RFC 6749, section 5.2
	}
	_ = json.Unmarshal(body, &answer) // another answer may still hold a code
	r, ok := signIn(answer.Description + "\n" + string(body) + "\n" + words)
	if !ok {
		r.Text = "signing in failed: " + cmp.Or(http.StatusText(resp.StatusCode), "no reason given")
	}
	e.Text, e.Code, e.RequestID = r.Text, r.Code, resp.Header.Get("x-ms-request-id")
	if m := traceID.FindStringSubmatch(string(body)); e.RequestID == "" && m != nil {
		e.RequestID = m[1]
	}
	return r.Hint
}

// signIn explains what azidentity or Entra says in words alone: an AADSTS
// code anywhere in them (the Azure CLI passes Entra's answer through), or
// what a credential says it is missing. Only Text, Code and Hint count.
func signIn(words string) (found Rule, ok bool) {
	if m := aadsts.FindStringSubmatch(words); m != nil {
		for _, r := range entraRules {
			if r.Code == m[1] {
				return Rule{Text: r.Text, Code: m[0], Hint: r.Hint}, true
			}
		}
		return Rule{
			Text: "Entra refused: " + firstLine(words[strings.Index(words, m[0])+len(m[0])+1:]),
			Code: m[0],
			Hint: "https://login.microsoftonline.com/error?code=" + m[1],
		}, true
	}
	for _, r := range credentialRules {
		if strings.Contains(words, r.Contains) {
			return Rule{Text: r.Text, Hint: r.Hint}, true
		}
	}
	return Rule{}, false
}

const hintAgain = "az login, or --auth with another method"

// entraRules are the codes of Microsoft's "Microsoft Entra authentication and
// authorization error codes" that people who use a vault meet.
var entraRules = []Rule{
	{
		Code: "50020",
		Text: "this account belongs to a different tenant than the vault",
		Hint: "--tenant with the vault's tenant, and an account that is known there",
	},
	{Code: "50034", Text: "this account does not exist in the tenant", Hint: "check --tenant"},
	{
		Code: "50053",
		Text: "the account is locked after too many wrong passwords",
		Hint: "wait, or ask the tenant's administrator",
	},
	{Code: "50055", Text: "the account's password has expired", Hint: hintAgain},
	{Code: "50057", Text: "the account is disabled", Hint: "ask the tenant's administrator"},
	{Code: "50058", Text: "the sign-in has ended", Hint: hintAgain},
	{
		Code: "50072",
		Text: "the account must register a second factor first",
		Hint: "sign in once in a browser: --auth browser",
	},
	{Code: "50076", Text: "a second factor is required", Hint: "--auth browser or --auth device-code"},
	{
		Code: "50079",
		Text: "the account must register a second factor first",
		Hint: "sign in once in a browser: --auth browser",
	},
	{Code: "50105", Text: "the account is not assigned to this application", Hint: "ask the tenant's administrator"},
	{Code: "50126", Text: "wrong user name or password", Hint: hintAgain},
	{Code: "50173", Text: "the sign-in was revoked, by a new password for instance", Hint: hintAgain},
	{
		Code: "53000",
		Text: "the tenant's conditional access requires a managed device",
		Hint: "use a workstation that the tenant manages",
	},
	{
		Code: "53003",
		Text: "the tenant's conditional access refuses this sign-in",
		Hint: "ask the tenant's administrator which condition is not met",
	},
	{
		Code: "65001",
		Text: "no one has consented to this application yet",
		Hint: "ask the tenant's administrator for consent",
	},
	{Code: "70043", Text: "the sign-in is older than the tenant allows", Hint: hintAgain},
	{Code: "70008", Text: "the sign-in has expired", Hint: hintAgain},
	{Code: "700082", Text: "the sign-in has expired after long disuse", Hint: hintAgain},
	{Code: "90002", Text: "there is no such tenant in this cloud", Hint: "check --tenant and --cloud"},
	{
		Code: "500011",
		Text: "the tenant has never used Key Vault, so nothing can be signed in to",
		Hint: "check --tenant; registering Microsoft.KeyVault in a subscription creates it",
	},
	{Code: "700016", Text: "there is no such application in the tenant", Hint: "check --client-id and --tenant"},
	{
		Code: "7000215",
		Text: "the client secret is wrong; its value is required, not its id",
		Hint: "--client-secret-file with the secret's value",
	},
	{
		Code: "7000222",
		Text: "the client secret has expired",
		Hint: "make a new one in the application's registration",
	},
	{
		Code: "700024",
		Text: "the assertion is not valid at this time: the clock of this computer is wrong, or the federated " +
			"token is old",
		Hint: hintClock,
	},
	{
		Code: "700027",
		Text: "the certificate is not registered for this application, or has expired",
		Hint: "add it to the application's registration",
	},
	{
		Code: "700213",
		Text: "no federated identity of the application matches this token's issuer and subject",
		Hint: "compare them in the application's registration",
	},
	{
		Code: "70021",
		Text: "no federated identity of the application matches this token's issuer and subject",
		Hint: "compare them in the application's registration",
	},
}

// credentialRules know the words of azidentity v1.15 where it has no code.
// The order matters: the default chain quotes every method it tried.
var credentialRules = []Rule{
	{
		Contains: "DefaultAzureCredential: failed to acquire a token",
		Text:     "no way to sign in was found",
		Hint:     "az login, or --auth with the method to use",
	},
	{
		Contains: "isn't configured to acquire tokens for tenant",
		Text:     "the vault is in a different tenant than the one to sign in to",
		Hint:     "--tenant with the vault's tenant",
	},
	{
		Contains: "AzureCLICredential: executable not found",
		Text:     "the Azure CLI is not installed, or not on the path",
		Hint:     "install azure-cli, or --auth with another method",
	},
	{Contains: "az login", Text: "no one is signed in to the Azure CLI", Hint: "az login"},
	{
		Contains: "AzureDeveloperCLICredential: executable not found",
		Text:     "the Azure Developer CLI is not installed, or not on the path",
		Hint:     "install azd, or --auth with another method",
	},
	{Contains: "azd auth login", Text: "no one is signed in to the Azure Developer CLI", Hint: "azd auth login"},
	{
		Contains: "AzurePowerShellCredential: executable not found",
		Text:     "PowerShell is not installed, or not on the path",
		Hint:     "install pwsh and the module Az.Accounts, or --auth with another method",
	},
	{Contains: "Connect-AzAccount", Text: "no one is signed in to Azure PowerShell", Hint: "Connect-AzAccount"},
	{
		Contains: "ManagedIdentityCredential",
		Text:     "this computer has no managed identity, or not this one",
		Hint:     "--client-id for a user-assigned identity; on a machine outside Azure --auth with another method",
	},
	{
		Contains: "EnvironmentCredential: ",
		Text:     "the environment does not say who to sign in as",
		Hint:     "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH",
	},
	{Contains: "no such host", Text: "the name of the sign-in service could not be looked up", Hint: hintProxy},
	{Contains: "connection refused", Text: "the sign-in service cannot be reached", Hint: hintProxy},
	{
		Contains: "certificate signed by unknown authority",
		Text:     "the sign-in service shows a certificate this computer does not trust",
		Hint:     hintCA,
	},
	{
		Contains: "certificate has expired or is not yet valid",
		Text:     "the sign-in service shows a certificate that is not valid at this time",
		Hint:     hintClock,
	},
}

// serviceRules are answers any service of Azure gives.
var serviceRules = []Rule{
	{
		Status:   http.StatusUnauthorized,
		Contains: "AKV10032",
		Text:     "the token belongs to a different tenant than the vault",
		Hint:     "--tenant with the vault's tenant",
	},
	{
		Status: http.StatusUnauthorized,
		Code:   "InvalidAuthenticationTokenTenant",
		Text:   "the token belongs to a different tenant than the subscription",
		Hint:   "--tenant with the subscription's tenant",
	},
	{
		Status:   http.StatusUnauthorized,
		Contains: "AKV10022",
		Text:     "the token was made for another service or cloud",
		Hint:     "check --cloud",
	},
	{
		Status:   http.StatusUnauthorized,
		Contains: "expired",
		Text:     "the service considers the token expired",
		Hint:     "sign in again; " + hintClock,
	},
	{
		Status:   http.StatusUnauthorized,
		Contains: "lifetime",
		Text:     "the service considers the token not valid at this time",
		Hint:     "sign in again; " + hintClock,
	},
	{
		Status:   http.StatusUnauthorized,
		Contains: "not yet valid",
		Text:     "the service considers the token not yet valid",
		Hint:     "sign in again; " + hintClock,
	},
	{
		Status: http.StatusUnauthorized,
		Text:   "the service does not accept the sign-in",
		Hint:   "byok-online login",
	},
	{
		Code: "AuthorizationFailed",
		Text: "the account may not read this subscription",
		Hint: "the role Reader on the subscription is needed",
	},
	{
		Code: "SubscriptionNotFound",
		Text: "there is no such subscription, or the account cannot see it",
		Hint: "byok-online subscription list",
	},
	{
		Status: http.StatusProxyAuthRequired,
		Text:   "the proxy requires a user name and password",
		Hint:   "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
	},
	{
		Status: http.StatusTooManyRequests,
		Text:   "the service receives too many requests",
		Hint:   "wait a minute; for uploads lower --rate",
	},
	{
		Status: http.StatusInternalServerError,
		Text:   "the service failed",
		Hint:   "run the same command again: it finds what was done",
	},
	{
		Status: http.StatusBadGateway,
		Text:   "the service failed",
		Hint:   "run the same command again: it finds what was done",
	},
	{
		Status: http.StatusServiceUnavailable,
		Text:   "the service is not available",
		Hint:   "run the same command again: it finds what was done",
	},
	{
		Status: http.StatusGatewayTimeout,
		Text:   "the service did not answer its own gateway in time",
		Hint:   "run the same command again: it finds what was done",
	},
}
