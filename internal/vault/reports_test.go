package vault

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/vault/endpoint"
)

// canned is an answer that people have met, as testdata/reports/vault-answers.json
// has it.
type canned struct {
	Status  int               `json:"status"`
	Type    string            `json:"type"` // Content-Type; JSON where it is empty
	Body    json.RawMessage   `json:"body"` // a text stands for itself
	Headers map[string]string `json:"headers"`
}

func (c canned) reply(w http.ResponseWriter, _ *http.Request, _ []byte) {
	if c.Type != "" {
		w.Header().Set("Content-Type", c.Type)
	}
	for name, value := range c.Headers {
		w.Header().Set(name, strings.ReplaceAll(value, "https://localhost:9443", "https://managed-hsm.rehearsal.invalid"))
	}
	body := string(c.Body)
	if text := ""; json.Unmarshal(c.Body, &text) == nil {
		body = text
	}
	w.WriteHeader(c.Status)
	_, _ = w.Write([]byte(body))
}

// failure is an answer of the service in its own envelope.
func failure(status int, code, message string) canned {
	body, _ := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": message}})
	return canned{Status: status, Body: body}
}

// reports are the answers of the file, and others of their kinds.
func reports(t *testing.T) map[string]canned {
	t.Helper()
	data, err := os.ReadFile("testdata/reports/vault-answers.json")
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]canned{}
	if err := json.Unmarshal(data, &list); err != nil || len(list) != 17 {
		t.Fatalf("%d answers, %v", len(list), err)
	}
	page, text := json.RawMessage(`"<html>Blocked by policy</html>"`), json.RawMessage(`"Forbidden by Policy"`)
	maps.Copy(list, map[string]canned{
		"activating":       failure(503, "ServiceUnavailable", "Managed HSM is not activated."),
		"purge protection": failure(403, "Forbidden", "Operation \"purge\" is not allowed because purge protection is enabled for this vault."),
		"key not yet valid": failure(403, "Forbidden",
			"Operation sign is not allowed on a key that is not yet valid"),
		"plain text":       {Status: 403, Type: "text/plain", Body: text},
		"HTML of a 404":    {Status: 404, Type: "text/html; charset=utf-8", Body: page},
		"HTML as JSON":     {Status: 403, Body: page},
		"portal":           {Status: 302, Body: json.RawMessage(`""`), Headers: map[string]string{"Location": "https://portal.example/login?u=1"}},
		"HTML of a portal": {Status: 307, Type: "text/html", Body: page, Headers: map[string]string{"Location": "https://portal.example/"}},
		"gateway":          {Status: 502, Type: "text/html", Body: page},
		"nothing":          {Status: 403, Body: json.RawMessage(`""`)},
		"text of a 200":    {Status: 200, Type: "text/plain", Body: json.RawMessage(`"OK"`)},
	})
	return list
}

// TestReports: what the service says survives our explanation, what is not the
// service's is named, and only what can pass is asked for again.
func TestReports(t *testing.T) {
	const (
		again  = "run the same command again: it finds what was done"
		clock  = "sign in again; set the clock of this computer (timedatectl set-ntp true)"
		proxy  = "a proxy or portal is in between: sign in there, or set HTTPS_PROXY"
		wall   = "add this network to the vault's firewall, or work from inside it"
		inside = " came instead of the service's answer"
	)
	type answer struct{ text, hint string }
	want := map[string]answer{
		"akv10032":      {"the token belongs to a different tenant than the vault: AKV10032: Invalid issuer. Expected one of https://sts.windows.net/00000000-0000-0000-0000-0000000000aa/, https://sts.windows.net/00000000-0000-0000-0000-0000000000bb/, found https://sts.windows.net/00000000-0000-0000-0000-0000000000cc/ (Unauthorized, request req-1)", "--tenant with the vault's tenant"},
		"tokennotyet":   {"the service considers the token not yet valid: Token not yet valid (Unauthorized, request req-1)", clock},
		"mhsm-rbac":     {"the account has no role in the vault that allows this: User [11111111-2222-3333-4444-555555555555] is not authorized to perform operation [Microsoft.KeyVault/managedHsm/keys/read/action] at scope [/keys/kek] (Forbidden/ForbiddenByRbac, request req-1)", hintRole},
		"mhsm-inactive": {"the Managed HSM is not activated: Managed HSM is not activated. Download the security domain first (Forbidden, request req-1)", "download its security domain first: az keyvault security-domain download"},
		"apiver":        {"this cloud's service does not support this program's API version: The specified version (7.6) is not recognized. Consider using the latest supported version (7.4) (BadParameter, request req-1)", "use the release of this program made for it, or wait until the cloud has caught up"},
		"policyexp":     {"an Azure Policy forbids this: The operation is not allowed by Azure Policy. Policy 'Key Vault keys should have an expiration date' disallowed the request (Forbidden/ForbiddenByPolicy, request req-1)", "ask who administers the subscription's policies"},
		"softdel":       {"a deleted key holds this name: Key contoso is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged (Conflict/ObjectIsDeletedButRecoverable, request req-1)", "--recover brings that key back; or choose another --name"},
		"fw":            {"the vault's firewall blocks this computer: Client address is not authorized and caller is not a trusted service (Forbidden/ForbiddenByFirewall, request req-1)", wall},
		"htmlproxy":     {"a web page (HTTP 403, text/html)" + inside, proxy},
		"html200":       {"a web page (HTTP 200, text/html)" + inside, proxy},
		"p407":          {"the proxy requires a user name and password (HTTP 407, request req-1)", "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"},
		"429":           {"the service receives too many requests: Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached (Throttled, request req-1)", "wait a minute; for uploads lower --rate"},
		"tags":          {"the service refused: Property has invalid value (BadParameter, request req-1)", ""},
		"invalidjwk":    {"the vault cannot read the package as a key of this type: The property \"key\" must be a valid JsonWebKey object (BadParameter, request req-1)", "check --kty and --curve; " + hintInspect},
		"quota":         {"the vault takes no more keys: The number of keys exceeds the limit (Forbidden, request req-1)", "delete and purge what is not needed, or use another vault"},
		"ctl":           {"the service refused: evil  [2J ]0;x  text (BadParameter, request req-1)", ""},
		"keynotfound":   {"the vault has no such key: A key with (name/id) kek was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command (KeyNotFound, request req-1)", "check the name and the vault; a new key takes some minutes to reach every region of a Managed HSM"},

		"activating":        {"the service is not available: Managed HSM is not activated (ServiceUnavailable, request req-1)", again},
		"purge protection":  {"the vault's purge protection forbids this: Operation \"purge\" is not allowed because purge protection is enabled for this vault (Forbidden, request req-1)", "wait until the retention period has passed"},
		"key not yet valid": {"the key is not yet valid: Operation sign is not allowed on a key that is not yet valid (Forbidden, request req-1)", "change its dates in the vault"},
		"plain text":        {"an answer that is not JSON (HTTP 403, text/plain)" + inside + " (HTTP 403, request req-1)", proxy},
		"HTML of a 404":     {"a web page (HTTP 404, text/html)" + inside, proxy},
		"HTML as JSON":      {"an answer that is not JSON (HTTP 403, application/json)" + inside + " (HTTP 403, request req-1)", proxy},
		"portal":            {"a redirect to portal.example (HTTP 302, application/json)" + inside, proxy},
		"HTML of a portal":  {"a redirect to portal.example (HTTP 307, text/html)" + inside, proxy},
		"gateway":           {"the service failed (HTTP 502, request req-1)", again},
		"nothing":           {"the vault does not allow this (HTTP 403, request req-1)", hintRole},
		"text of a 200":     {"the answer is not JSON as the service writes it", "check that no proxy or portal answers in the service's place"},
	}
	repeated := []string{"429", "activating", "gateway"}
	good, all := 0, 0
	for name, c := range reports(t) {
		all++
		tries := 1
		if slices.Contains(repeated, name) {
			tries = 1 + len(pauses())
		}
		s := newScript(t, slices.Repeat([]step{{"GET /keys/kek/", c.reply}}, tries)...)
		s.server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		client, clock := s.client()
		_, err := client.Key(context.Background(), "kek", "")
		w := answer{"read key kek: " + want[name].text, want[name].hint}
		if got := (answer{said(err), exitcode.HintOf(err)}); got != w || exitcode.Of(err) != exitcode.Vault ||
			len(clock.slept) != tries-1 {
			t.Errorf("%s: status %d, waited %v\n got %+v\nwant %+v", name, exitcode.Of(err), clock.slept, got, w)
			continue
		}
		good++
	}
	t.Logf("answers that people have met: %d of %d", good, all)
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestReportsOfAProxy: where the environment names a proxy, so do we.
func TestReportsOfAProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://user:ProxyPassw0rd@proxy.example:3128")
	for name, want := range map[string]string{
		"htmlproxy":  "a web page (HTTP 403, text/html) came instead of the service's answer, through the proxy proxy.example:3128",
		"plain text": "an answer that is not JSON (HTTP 403, text/plain) came instead of the service's answer, through the proxy proxy.example:3128 (HTTP 403, request req-1)",
	} {
		s := newScript(t, step{"GET /keys/kek/", reports(t)[name].reply})
		s.challenge = `Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"`
		_, err := serviceClient(t, s, "20.1.2.3").Key(context.Background(), "kek", "")
		if said(err) != "read key kek: "+want || strings.Contains(said(err)+exitcode.HintOf(err), "Passw0rd") ||
			exitcode.HintOf(err) != "sign in at the proxy, or ask who runs it to let this address through" {
			t.Errorf("%s: %v (%s)", name, err, exitcode.HintOf(err))
		}
	}
}

// always answers every request alike, whatever it asks for.
type always struct {
	status int
	kind   string
	body   []byte
}

func (a always) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {a.kind}},
		Body: io.NopCloser(bytes.NewReader(a.body)), Request: r}, nil
}

// FuzzAnswer has a vault answer anything to a question about a key. What is
// taken is about that key, and what is refused is one harmless line.
func FuzzAnswer(f *testing.F) {
	for _, p := range kinds() {
		recorder := httptest.NewRecorder()
		p.stored(version1).bundle(recorder, httptest.NewRequest(http.MethodGet, "https://localhost:1/", nil), nil)
		f.Add(200, "application/json", recorder.Body.Bytes())
	}
	list, err := os.ReadFile("testdata/reports/vault-answers.json")
	if err != nil {
		f.Fatal(err)
	}
	var answers map[string]canned
	if err := json.Unmarshal(list, &answers); err != nil {
		f.Fatal(err)
	}
	for _, a := range answers {
		f.Add(a.Status, a.Type, []byte(a.Body))
	}
	f.Add(200, "application/json", []byte(`{"value":[{"kid":"https://localhost:1/keys/contoso/`+version1+`","attributes":{}}],"nextLink":"https://localhost:1/a"}`))
	address, err := endpoint.Parse("https://localhost:1", endpoint.Allow{Rehearsal: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, kind string, body []byte) {
		if status < 200 || status > 599 || !printable.Is(kind) {
			return // net/http does not pass these on
		}
		c, err := New(address, token("t"), Options{HTTP: &http.Client{Transport: always{status, kind, body}}, Clock: &fakeClock{now: noon}})
		if err != nil {
			t.Fatal(err)
		}
		k, err := c.Key(t.Context(), "contoso", "")
		if err == nil && (k.ID.Vault != "https://localhost:1" || !strings.EqualFold(k.ID.Name, "contoso")) {
			t.Errorf("a key of another name or vault: %v", k.ID)
		}
		_, other := c.versions(t.Context(), "contoso")
		for _, err := range []error{err, other} {
			if err != nil && (!printable.Is(err.Error()) || strings.Contains(err.Error(), "the SDK failed")) {
				t.Errorf("%q", err)
			}
		}
	})
}
