package azure

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// TestListsEnd: no list of Resource Manager goes on for ever.
func TestListsEnd(t *testing.T) {
	const large = "the list has more than 1000 pages or 25000 lines"
	var pages, lines ListBound
	var err error
	for n := 0; err == nil && n <= maxPages; n++ {
		err = pages.Next(strconv.Itoa(n), 1)
	}
	check(t, err, exitcode.Vault, large, "")
	if pages.pages != maxPages+1 {
		t.Errorf("%d pages", pages.pages)
	}
	check(t, lines.Next("", maxItems+1), exitcode.Vault, large, "")
	lines = ListBound{}
	if err := lines.Next("", maxItems); err != nil {
		t.Error(err)
	}

	const round = ": the list does not end: a page refers back to an earlier one"
	link := `{"value":[],"nextLink":"https://management.azure.com/x?$skiptoken=1"}`
	vaults := "/subscriptions/" + aSubscription + "/providers/Microsoft.KeyVault/vaults?"
	m := manager(t, map[string]string{vaults: link, "/subscriptions?": link, "/x?1": link})
	_, err = m.Vaults(context.Background(), aSubscription)
	check(t, err, exitcode.Vault, "list the vaults of subscription "+aSubscription+round, "")
	_, err = m.Subscriptions(context.Background())
	check(t, err, exitcode.Vault, "list the subscriptions"+round, "")
}

// TestManagerKeepsTheToken: the resource manager's token goes to no other host,
// and an answer that another try would not mend is asked for once.
func TestManagerKeepsTheToken(t *testing.T) {
	at := func(link string) string { return `{"value":[],"nextLink":"` + link + `"}` }
	elsewhere := ": the next page of the list is not on https://management.azure.com"
	portal := ": a web page (HTTP 200, text/html) came instead of the service's answer"
	good, all := 0, 0
	for _, c := range []struct{ name, kind, body, want string }{
		{"another host", "application/json", at("https://evil.example/subscriptions"), elsewhere},
		{"another port", "application/json", at("https://management.azure.com:8443/x"), elsewhere},
		{"a user's name", "application/json", at("https://management.azure.com@evil.example/x"), elsewhere},
		{"a subdomain", "application/json", at("https://management.azure.com.evil.example/x"), elsewhere},
		{"no TLS", "application/json", at("http://management.azure.com/x"), ""}, // the SDK's own refusal
		{"a portal", "text/html", "<html>Please sign in", portal},
		{"no end of an answer", "application/json", `{"value":[],"x":"` + strings.Repeat("a", maxAnswer) + `"}`,
			": the answer is larger than 16777216 bytes"},
		{"broken JSON", "application/json", `{"value":[`, ": the answer is not JSON as the service writes it"},
	} {
		asked := 0
		client := &http.Client{Transport: answers(func(r *http.Request) *http.Response {
			asked++
			if r.URL.Host != "management.azure.com" || r.URL.Scheme != "https" {
				t.Errorf("%s: asked %s", c.name, r.URL)
			}
			return respond(r, 200, c.kind, c.body)
		})}
		m, err := NewManager(anyToken{}, public(t), client)
		if err != nil {
			t.Fatal(err)
		}
		for doing, list := range map[string]func() error{
			"list the subscriptions": func() error { _, err := m.Subscriptions(t.Context()); return err },
			"list the vaults of subscription " + aSubscription: func() error {
				_, err := m.Vaults(t.Context(), aSubscription)
				return err
			},
		} {
			all++
			asked = 0
			err := list()
			said := err != nil && (c.want == "" || err.Error() == doing+c.want)
			if !said || exitcode.Of(err) != exitcode.Vault || asked != 1 {
				t.Errorf("%s: %s: asked %d times: %v", c.name, doing, asked, err)
				continue
			}
			good++
		}
	}
	t.Logf("lies of a resource manager: %d of %d", good, all)
	if worthAnotherTry(nil, exitcode.Errorf(exitcode.Vault, "x")) || !worthAnotherTry(nil, errors.New("x")) {
		t.Error("what this program refuses is tried again, or nothing is")
	}
}
