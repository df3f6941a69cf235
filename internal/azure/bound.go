package azure

import (
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/exitcode"
)

// The most that a list of the service may have. A vault's pages have 25 items.
const (
	maxPages = 1000
	maxItems = 25000
)

// ListBound ends a list that would not end: its pages are the service's word.
// The zero value is ready for the first page.
type ListBound struct {
	seen         map[string]bool
	pages, items int
}

// Next counts a page of items, which refers to the next one by link, "" for
// the last page. The error has the status Vault.
func (b *ListBound) Next(link string, items int) error {
	b.pages++
	b.items += items
	switch {
	case b.pages > maxPages || b.items > maxItems:
		return exitcode.Errorf(exitcode.Vault, "the list has more than %d pages or %d lines", maxPages, maxItems)
	case b.seen[link]:
		return exitcode.Errorf(exitcode.Vault, "the list does not end: a page refers back to an earlier one")
	case link == "":
		return nil
	}
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	b.seen[link] = true
	return nil
}

// maxAnswer bounds an answer of Resource Manager, in bytes.
const maxAnswer = 16 << 20

// keeper sits between the SDK and Resource Manager. A link to the next page is
// the service's word; the token goes to the resource manager's own host and
// nowhere else. The SDK's own pagers do not look.
type keeper struct {
	endpoint string // https://host
}

// Do implements policy.Policy.
func (k keeper) Do(req *policy.Request) (*http.Response, error) {
	u := req.Raw().URL
	if u.Scheme != "https" || !sameHost(u.Scheme+"://"+u.Host, k.endpoint) {
		return nil, exitcode.Errorf(exitcode.Vault, "the next page of the list is not on %s",
			strings.TrimSuffix(k.endpoint, "/"))
	}
	resp, err := req.Next()
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	if err := Foreign(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}
