package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"byok/internal/rehearsal"
	"byok/internal/specimen"
	"byok/internal/testkit/hostile"
	"byok/internal/testkit/practice"
)

// liar changes the answers of Entra, Resource Manager and the vault.
type liar struct {
	honest http.Handler

	mu    sync.Mutex
	field string          // every text of this field becomes hostile; "" leaves the answers as they are
	whole func() answered // instead of every answer of the vault
	waits bool            // for a token, before it gives whole
	seen  map[string]bool // fields with a text
}

// answered is an answer as a whole.
type answered struct {
	status int
	kind   string // Content-Type
	body   string
}

// ServeHTTP implements http.Handler.
func (l *liar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ready := l.whole != nil && (!l.waits || r.Header.Get("Authorization") != "")
	if ready && (strings.HasPrefix(r.URL.Path, "/keys") || strings.HasPrefix(r.URL.Path, "/deletedkeys")) {
		a := l.whole()
		w.Header().Set("Content-Type", a.kind)
		w.Header().Set("X-Ms-Request-Id", "req-1")
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
		return
	}
	answer := httptest.NewRecorder()
	l.honest.ServeHTTP(answer, r)
	maps.Copy(w.Header(), answer.Header())
	body := answer.Body.Bytes()
	var content any
	if json.Unmarshal(body, &content) == nil {
		body, _ = json.Marshal(l.changed("", content))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}

// changed returns what a field holds, with the texts of one field replaced.
func (l *liar) changed(name string, content any) any {
	switch v := content.(type) {
	case map[string]any:
		for key, value := range v {
			v[key] = l.changed(key, value)
		}
	case []any:
		for i := range v {
			v[i] = l.changed(name, v[i])
		}
	case string:
		l.seen[name] = true
		if name == l.field {
			return hostile.Text
		}
	}
	return content
}

// lies are answers that no client expects.
func lies() map[string]func() answered {
	failure, _ := json.Marshal(map[string]any{"error": map[string]any{"code": hostile.Text, "message": hostile.Text,
		"innererror": map[string]any{"code": hostile.Text}}})
	as := func(status int, kind, body string) func() answered {
		return func() answered { return answered{status, kind, body} }
	}
	list := map[string]func() answered{
		"a page":        as(http.StatusOK, "text/html", "<html><title>"+hostile.Text+"</title></html>"),
		"plain text":    as(http.StatusForbidden, "text/plain", hostile.Text),
		"broken JSON":   as(http.StatusOK, "application/json", `{"`+hostile.Text),
		"a foreign key": as(http.StatusOK, "application/json", `{"key":{"kid":"https://`+strings.ReplaceAll(hostile.Valid(), "\n", "")+`/keys/a/b"}}`),
	}
	for _, status := range []int{400, 403, 404, 409} {
		list[fmt.Sprintf("status %d", status)] = as(status, "application/json", string(failure))
	}
	return list
}

// TestHostileAnswers runs each command that asks a server, with each text in
// each answer made hostile, and with answers of other kinds.
func TestHostileAnswers(t *testing.T) {
	s := liarScene(t)
	tried, harmless := 0, 0
	try := func(name string, line []string) {
		for _, output := range []string{"text", "json"} {
			tried++
			if hostile.Check(t, name, s.say(t, append(slices.Clone(line), "--output", output, "--debug"))) {
				harmless++
			}
		}
	}
	for name, line := range s.lines(t) {
		s.liar.seen = map[string]bool{}
		try(name, line)
		for _, field := range slices.Sorted(maps.Keys(s.liar.seen)) {
			s.liar.field = field
			try(name+", "+field, line)
		}
		s.liar.field = ""
		for what, whole := range lies() {
			s.liar.whole = whole
			try(name+", "+what, line)
		}
		s.liar.whole = nil
	}
	t.Logf("hostile answers, printed harmlessly: %d of %d", harmless, tried)
}

// siren is a private cloud that lies, and the files that go with it.
type siren struct {
	liar    *liar
	azure   *fakeAzure
	url     string
	options []string
	dir     string
	hknso   string
}

func liarScene(t *testing.T) siren {
	t.Helper()
	v := practice.Start(t, rehearsal.Config{})
	a := newAzure(v)
	t.Cleanup(a.server.Close)
	s := siren{azure: a, liar: &liar{honest: a, seen: map[string]bool{}}, url: a.server.URL, dir: t.TempDir()}
	a.server.Config.Handler = s.liar
	t.Setenv("AZURE_AUTHORITY_HOST", a.server.URL+"/")
	var err error
	if s.options, err = a.options(s.dir); err != nil {
		t.Fatal(err)
	}
	hknso, err := v.World.HKNSO(false)
	if err != nil {
		t.Fatal(err)
	}
	s.hknso = hknso.FirstWords(8)
	at := func(k *specimen.KEK) { k.ID.Vault, k.Rehearsal = a.server.URL, false }
	if _, err := v.Pack(s.dir, "payroll", "P-256", at); err != nil {
		t.Fatal(err)
	}
	return s
}

// lines are the commands that ask a server.
func (s siren) lines(t *testing.T) map[string][]string {
	vault := append([]string{"--test-vault", "--vault", s.url}, s.options...)
	manager := append([]string{"--resource-manager", s.url}, s.options...)
	pack := filepath.Join(s.dir, "KeyTransferPackage-payroll")
	with := func(words []string, line ...string) []string { return append(line, words...) }
	return map[string][]string{
		"login":             with(s.options, "login"),
		"subscription list": with(manager, "subscription", "list"),
		"vault list":        with(manager, "vault", "list", "--subscription-id", subscription),
		"kek show":          with(vault, "kek", "show", "--name", practice.KEKName),
		"kek create":        with(vault, "kek", "create", "--name", practice.KEKName, "--size", "2048", "--yes"),
		"toolset build":     with(vault, "toolset", "build", "--kek", practice.KEKName, "--suffix", "CONTOSO", "--out", t.TempDir()),
		"upload":            with(vault, "upload", pack+".byok", "--hknso", s.hknso, "--yes"),
		"verify":            with(vault, "verify", "--manifest", pack+".manifest.json", "--hknso", s.hknso, "--proof", s.dir+"/none/proof"),
		"kek delete":        with(vault, "kek", "delete", "--name", practice.KEKName, "--yes"),
	}
}

// patience is how long a command may take. A token that no header takes is
// asked for again and again.
func (s siren) patience() time.Duration {
	if s.liar.field == "access_token" {
		return time.Second
	}
	return time.Minute
}

// say runs the program in this process and returns all that it printed.
func (s siren) say(t *testing.T, args []string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), s.patience())
	defer cancel()
	t.Setenv("BYOK_KMDATA", filepath.Join(s.dir, "kmdata"))
	t.Setenv("BYOK_CONFIG", filepath.Join(s.dir, "config"))
	var out bytes.Buffer
	var messages syncBuffer
	_ = program(strings.NewReader(""), &out, &messages).Main(ctx, args)
	return out.String() + messages.String()
}
