package locks

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/library"
)

// TestAnotherAccount says who can remove a lock that another account left.
func TestAnotherAccount(t *testing.T) {
	err := another("/tmp/a lock", fmt.Errorf("/tmp/a lock cannot be locked: %w", fs.ErrPermission))
	if exitcode.Of(err) != exitcode.Refused || err.Error() != "/tmp/a lock cannot be locked: permission denied" ||
		exitcode.HintOf(err) != "rm '/tmp/a lock', as the account that worked on this token before" {
		t.Errorf("%v; %d; %s", err, exitcode.Of(err), exitcode.HintOf(err))
	}
	other := errors.New("no room")
	if err := another("/tmp/a lock", other); err != other { //nolint:errorlint // the very error
		t.Errorf("%v", err)
	}
}

// TestTokenLock: one token has one lock, whatever shows it, if it can be known
// by its serial number; two tokens have two.
func TestTokenLock(t *testing.T) {
	token := hsm.Token{Manufacturer: "maker", Model: "model", Serial: "1", Label: "a", Slot: 3, Initialised: true}
	free := hsm.Token{Manufacturer: "maker", Model: "model", Slot: 3}
	by := library.Identity{Path: "/lib/a.so", Environment: []library.Variable{{Name: "CONF", Value: "/etc/a"}},
		Configuration: []library.File{{Path: "/etc/a"}}}
	change := func(f func(*hsm.Token, *library.Identity)) string {
		t, b := token, by
		f(&t, &b)
		return tokenLock(b, t)
	}
	same := tokenLock(by, token)
	if !strings.HasPrefix(same, "/tmp/byok-token-") || !strings.HasSuffix(same, ".lock") || len(same) != len("/tmp/byok-token-0123456789abcdef.lock") {
		t.Errorf("%s", same)
	}
	for _, c := range []struct {
		name string
		path string
		same bool
	}{
		{"another label and slot", change(func(t *hsm.Token, _ *library.Identity) { t.Label, t.Slot = "b", 4 }), true},
		{"another library", change(func(_ *hsm.Token, b *library.Identity) { b.Path = "/lib/b.so" }), true},
		{"another serial", change(func(t *hsm.Token, _ *library.Identity) { t.Serial = "2" }), false},
		{"another model", change(func(t *hsm.Token, _ *library.Identity) { t.Model = "b" }), false},
	} {
		if (c.path == same) != c.same {
			t.Errorf("%s: %s", c.name, c.path)
		}
	}
	elsewhere := by
	elsewhere.Configuration = []library.File{{Path: "/etc/b"}}
	if tokenLock(by, free) == tokenLock(elsewhere, free) {
		t.Error("free tokens of two configurations share a lock")
	}
}
