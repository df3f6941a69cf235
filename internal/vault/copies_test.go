package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/kek"
)

const listKeys = "GET /keys"

// named answers with a list of keys, which has no versions.
func named(names ...string) func(http.ResponseWriter, *http.Request, []byte) {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) {
		items := []any{nil}
		for _, name := range names {
			items = append(items, map[string]any{"kid": "https://" + r.Host + "/keys/" + name, "attributes": map[string]any{}})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"value": items})
	}
}

// atVersion1 is the version that the copies are looked for of.
func (c *Client) atVersion1() kek.ID {
	return kek.ID{Vault: c.address.String(), Name: "contoso", Version: version1}
}

func (k fakeKey) called(name string) fakeKey {
	return k.with(func(other *fakeKey) { other.name = name })
}

func (k fakeKey) off() fakeKey {
	return k.with(func(other *fakeKey) { other.attributes = map[string]any{"enabled": false} })
}

// TestCopies has copies of every kind of key: an older version of the name,
// and a version under another name, among versions that are none.
func TestCopies(t *testing.T) {
	unreadable := refusal(403, "Forbidden", "KeyDisabled", "Operation get is not allowed on a disabled key.")
	for kind, p := range kinds() {
		of, older := p.stored(version1), p.stored(version2)
		elsewhere, other := p.stored(version1).called("elsewhere"), p.another(version2).called("elsewhere")
		dark := p.another(version1).called("dark").off()
		steps := []step{
			{listKeys, named("contoso", "elsewhere", "dark", "gone")},
			{listVersions, listing(of, older)},
			{getVersion2, older.bundle},
			{"GET /keys/elsewhere/versions", listing(elsewhere, other)},
		}
		unread := 0
		if kind == "AES" { // which is known by its tag, so that nothing else is read
			steps = append(steps,
				step{"GET /keys/elsewhere/" + version1, elsewhere.bundle},
				step{"GET /keys/dark/versions", listing(dark)})
		} else {
			steps = append(steps,
				step{"GET /keys/elsewhere/" + version2, other.bundle},
				step{"GET /keys/elsewhere/" + version1, elsewhere.bundle},
				step{"GET /keys/dark/versions", listing(dark)},
				step{"GET /keys/dark/" + version1, unreadable})
			unread = 1
		}
		steps = append(steps, step{"GET /keys/gone/versions", missing})
		client, _ := newScript(t, steps...).client()
		id := client.address.String() + "/keys/"
		got, err := client.Copies(context.Background(), client.atVersion1(), p)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		var found []string
		for _, k := range got.Found {
			found = append(found, k.ID.String())
		}
		want := []string{id + "contoso/" + version2, id + "elsewhere/" + version1}
		if fmt.Sprint(found) != fmt.Sprint(want) || got.Looked != 4 || len(got.Unread) != unread {
			t.Errorf("%s: %q, %d looked at, %v unread", kind, found, got.Looked, got.Unread)
		}
	}
}

// TestCopiesRefused has what ends the search.
func TestCopiesRefused(t *testing.T) {
	p := kinds()["P-256"]
	of, other := p.stored(version1), p.stored(version2)
	down := refusal(400, "BadParameter", "", "no")
	for _, c := range []struct {
		name  string
		steps []step
		code  exitcode.Code
		want  string
	}{
		{"no list of keys", []step{{listKeys, down}}, exitcode.Vault,
			"list the vault's keys: the service refused: no (BadParameter, request req-1)"},
		{"a key without a name", []step{{listKeys, named("a.b")}}, exitcode.Check,
			`list the vault's keys: the vault lists a key that has no identifier, "https://HOST/keys/a.b"`},
		{"no list of versions", []step{{listKeys, named("contoso")}, {listVersions, down}}, exitcode.Vault,
			"list the versions of key contoso: the service refused: no (BadParameter, request req-1)"},
		{"a version cannot be read", []step{
			{listKeys, named("contoso")}, {listVersions, listing(of, other)}, {getVersion2, down},
		}, exitcode.Vault, "read key contoso/" + version2 + ": the service refused: no (BadParameter, request req-1)"},
	} {
		s := newScript(t, c.steps...)
		client, _ := s.client()
		_, err := client.Copies(context.Background(), client.atVersion1(), p)
		check(t, err, c.code, s.host(), c.want, "")
	}
	client, _ := newScript(t, step{listKeys, refusal(403, "Forbidden", "ForbiddenByRbac", "no")}).client()
	_, err := client.Copies(context.Background(), client.atVersion1(), p)
	var answer *azure.Error
	if !errors.As(err, &answer) || answer.Status != http.StatusForbidden {
		t.Errorf("not allowed to list: %v", err)
	}
}
