package plan_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/plan"
)

// held writes a plan and reads it as a ceremony does.
func held(t *testing.T, text string) (*plan.Plan, fingerprint.Sum, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return plan.Held(file)
}

// TestHeld: a plan whose day is past is held, and one with a finding is not.
func TestHeld(t *testing.T) {
	text := good(t)
	p, sum, err := held(t, text)
	if err != nil || sum != fingerprint.Of([]byte(text)) || p.File() != "plan.yaml" || p.Needed() != 2 {
		t.Fatalf("%+v, %v, %v", p, sum, err)
	}
	past := strings.Replace(text, "date: ", "date: 2020-01-01 # ", 1)
	if p, _, err = held(t, past); err != nil || p.Date.Text() != "2020-01-01T00:00:00Z" {
		t.Errorf("%v, %v", p, err)
	}
	_, _, err = held(t, strings.Replace(text, "quorum: ", "quorum: 7/ # ", 1))
	if exitcode.Of(err) != exitcode.Check || !strings.Contains(err.Error(), "; the first: line ") {
		t.Errorf("a quorum that cannot be: %v", err)
	}
	if parse(t, strings.Replace(text, "quorum: ", "quorum: 7/ # ", 1)).Needed() != 0 {
		t.Error("a quorum that cannot be needs somebody")
	}
	if _, _, err = held(t, "no plan"); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("not a plan: %v", err)
	}
	if _, _, err = plan.Held(filepath.Join(t.TempDir(), "none")); exitcode.Of(err) != exitcode.Usage {
		t.Errorf("no file: %v", err)
	}
}

// TestPairs: two keys that have one name in one vault, the one after the other, do
// not share a folder of the stick.
func TestPairs(t *testing.T) {
	p := parse(t, good(t))
	p.Stick = "usb"
	p.Vaults = []plan.Vault{{Name: "a"}, {Name: "b"}}
	p.Keys = []plan.Key{
		{Ident: "one", Name: "Payments", Vaults: []string{"a", "b"}},
		{Ident: "two", Name: "PAYMENTS", Vaults: []string{"a"}},
	}
	var got []string
	for _, pair := range p.Pairs() {
		got = append(got, pair.Key.Ident+" "+pair.Vault.Name+" "+filepath.ToSlash(pair.Folder))
	}
	if want := "one a usb/a, one b usb/b, two a usb/a-two"; strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
}

// TestAlone: with guard login the cards hold the user PIN, unless logins have rights
// of their own.
func TestAlone(t *testing.T) {
	for guard, alone := range map[string]bool{"trust": false, "login": true, "trust-by-tool": false} {
		p := plan.Plan{HSM: plan.HSM{Guard: guard}}
		if p.Alone() != alone {
			t.Errorf("%s: %t", guard, p.Alone())
		}
		if p.HSM.RightsPerLogin = true; p.Alone() {
			t.Errorf("%s with rights for each login", guard)
		}
	}
}
