package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"byok/internal/exitcode"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// check compares a whole error: status, text and hint.
func check(t *testing.T, err error, code exitcode.Code, want, hint string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want %s", want)
	}
	if err.Error() != want || exitcode.Of(err) != code || exitcode.HintOf(err) != hint {
		t.Errorf("got status %d: %v\n  hint %q\nwant %d: %s\n  hint %q", exitcode.Of(err), err, exitcode.HintOf(err), code, want, hint)
	}
}

// responded is the SDK's error for an answer of the service.
func responded(status int, body string) error {
	u, _ := url.Parse("https://contoso.vault.azure.net/keys/k?api-version=7.6&secret=1")
	return runtime.NewResponseError(&http.Response{
		StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader(body)),
		Header:  http.Header{"X-Ms-Request-Id": {"req-1"}, "Date": {"Fri, 02 Jan 2026 12:00:00 GMT"}, "Set-Cookie": {"hunter2"}},
		Request: &http.Request{Method: "PUT", URL: u, Header: http.Header{"Authorization": {"Bearer hunter2"}}},
	})
}

func envelope(code, message, inner string) string {
	said, _ := json.Marshal(message)
	return fmt.Sprintf(`{"error":{"code":%q,"message":%s,"innererror":%s}}`, code, said, inner)
}

func TestExplainAnswers(t *testing.T) {
	const again = "run the same command again: it finds what was done"
	for name, c := range map[string]struct {
		err        error
		want, hint string
	}{
		"another tenant":       {responded(401, envelope("Unauthorized", "AKV10032: Invalid issuer. Expected one of …", "null")), "do: the token belongs to a different tenant than the vault: AKV10032: Invalid issuer. Expected one of … (Unauthorized, request req-1)", "--tenant with the vault's tenant"},
		"another audience":     {responded(401, envelope("Unauthorized", "AKV10022: Invalid audience.", "null")), "do: the token was made for another service or cloud: AKV10022: Invalid audience (Unauthorized, request req-1)", "check --cloud"},
		"subscription tenant":  {responded(401, envelope("InvalidAuthenticationTokenTenant", "The access token is from the wrong issuer", "null")), "do: the token belongs to a different tenant than the subscription: The access token is from the wrong issuer (InvalidAuthenticationTokenTenant, request req-1)", "--tenant with the subscription's tenant"},
		"token expired":        {responded(401, envelope("Unauthorized", "IDX10223: Lifetime validation failed. The token is expired.", "null")), "do: the service considers the token expired: IDX10223: Lifetime validation failed. The token is expired (Unauthorized, request req-1)", "sign in again; set the clock of this computer (timedatectl set-ntp true)"},
		"token not yet valid":  {responded(401, envelope("Unauthorized", "IDX10222: Lifetime validation failed.", "null")), "do: the service considers the token not valid at this time: IDX10222: Lifetime validation failed (Unauthorized, request req-1)", "sign in again; set the clock of this computer (timedatectl set-ntp true)"},
		"401 without a body":   {responded(401, ""), "do: the service does not accept the sign-in (HTTP 401, request req-1)", "byok-online login"},
		"no reader":            {responded(403, envelope("AuthorizationFailed", "The client … does not have authorization", "null")), "do: the account may not read this subscription: The client … does not have authorization (AuthorizationFailed, request req-1)", "the role Reader on the subscription is needed"},
		"no subscription":      {responded(404, envelope("SubscriptionNotFound", "The subscription could not be found.", "null")), "do: there is no such subscription, or the account cannot see it: The subscription could not be found (SubscriptionNotFound, request req-1)", "byok-online subscription list"},
		"proxy":                {responded(407, ""), "do: the proxy requires a user name and password (HTTP 407, request req-1)", "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"},
		"throttled":            {responded(429, ""), "do: the service receives too many requests (HTTP 429, request req-1)", "wait a minute; for uploads lower --rate"},
		"500":                  {responded(500, ""), "do: the service failed (HTTP 500, request req-1)", again},
		"502":                  {responded(502, "<html>bad gateway</html>"), "do: the service failed (HTTP 502, request req-1)", again},
		"503":                  {responded(503, ""), "do: the service is not available (HTTP 503, request req-1)", again},
		"504":                  {responded(504, ""), "do: the service did not answer its own gateway in time (HTTP 504, request req-1)", again},
		"inner codes":          {responded(400, envelope("A", "what.", `{"code":"B","innererror":{"code":"C"}}`)), "do: the service refused: what (A/C, request req-1)", ""},
		"two lines and a bell": {responded(400, envelope("A", "one\x07two\r\nthree", "null")), "do: the service refused: one two (A, request req-1)", ""},
		"too long":             {responded(400, envelope("A", strings.Repeat("ä", 400), "null")), "do: the service refused: " + strings.Repeat("ä", 300) + "… (A, request req-1)", ""},
		"no words":             {responded(418, ""), "do: the service refused: I'm a teapot (HTTP 418, request req-1)", ""},
		"no status":            {responded(599, ""), "do: the service refused: no reason given (HTTP 599, request req-1)", ""},
		"of our own":           {exitcode.Hint(exitcode.Errorf(exitcode.Vault, "the clock is wrong"), "set it"), "do: the clock is wrong", "set it"},
		"unheard of":           {errors.New("first line.\nsecond line"), "do: first line", ""},
	} {
		t.Run(name, func(t *testing.T) { check(t, Explain("do", c.err, noon), exitcode.Vault, c.want, c.hint) })
	}
}

func TestExplainRulesOfTheCaller(t *testing.T) {
	rules := []Rule{
		{Status: 409, Code: "Inner", Text: "by inner code", Hint: "h"},
		{Status: 409, Contains: "WORDS", Text: "by words"},
		{Status: 500, Text: "before ours"},
	}
	check(t, Explain("do", responded(409, envelope("Conflict", "", `{"code":"Inner"}`)), noon, rules...), exitcode.Vault, "do: by inner code (Conflict/Inner, request req-1)", "h")
	check(t, Explain("do", responded(409, envelope("Conflict", "some words", "null")), noon, rules...), exitcode.Vault, "do: by words: some words (Conflict, request req-1)", "")
	check(t, Explain("do", responded(500, ""), noon, rules...), exitcode.Vault, "do: before ours (HTTP 500, request req-1)", "")
}

func TestExplainKeeps(t *testing.T) {
	if Explain("do", nil, noon) != nil {
		t.Error("nil became an error")
	}
	check(t, Explain("do", fmt.Errorf("put: %w", context.Canceled), noon), exitcode.Interrupted, "do: interrupted", "")
	check(t, Explain("do", exitcode.Errorf(exitcode.Refused, "not here"), noon), exitcode.Refused, "do: not here", "")
	once := Explain("do", responded(500, ""), noon)
	if twice := Explain("again", once, noon); twice != once {
		t.Errorf("explained twice: %v", twice)
	}
}

func TestDetail(t *testing.T) {
	body := `{"access_token":"hunter2","error":"Bearer abcdefghijklmnopqrstuvwxyz","t":"eyJhbGciOiJub25lIn0.eyJvaWQiOiIxIn0.c2ln","client_assertion": "x","rest":1}`
	got := Detail(Explain("do", responded(400, body), noon))
	want := "PUT https://contoso.vault.azure.net/keys/k\nHTTP 400\nDate: Fri, 02 Jan 2026 12:00:00 GMT\nX-Ms-Request-Id: req-1\n\n" +
		`{"access_token":[token],"error":"Bearer [token]","t":"[token]","client_assertion": [token],"rest":1}`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	two := Explain("do", responded(400, `{"error":{"message":"b"}}`), noon)
	joined := fmt.Errorf("both: %w", errors.Join(Explain("do", responded(400, body), noon), errors.New("nothing raw"), two))
	if all := Detail(joined); all != got+"\n"+Detail(two) || Detail(two) == "" {
		t.Errorf("of joined errors: %s", all)
	}
	if Detail(errors.New("x")) != "" {
		t.Error("a detail of nothing")
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(403, envelope("Forbidden", "m", `{"code":"ForbiddenByRbac"}`))
	f.Add(400, `{"error":{"innererror":{"innererror":[]}}}`)
	f.Add(500, "\x1b[2J")
	f.Fuzz(func(t *testing.T, status int, body string) {
		err := Explain("do", responded(status, body), noon)
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Errorf("it steers the terminal: %q", err)
		}
	})
}
