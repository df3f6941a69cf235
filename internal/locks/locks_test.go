package locks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
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

// TestHold: one session a folder, and one a token whatever folder it works on.
func TestHold(t *testing.T) {
	token := hsm.Token{Manufacturer: "maker", Model: "model", Serial: t.TempDir(), Initialised: true}
	folder := func() string {
		dir := t.TempDir()
		if err := os.MkdirAll(kmdata.Local(dir), 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	one, two := folder(), folder()
	release, err := Hold(one, library.Identity{}, token)
	if err != nil {
		t.Fatal(err)
	}
	other := token
	other.Serial += "-2"
	for _, c := range []struct {
		name  string
		dir   string
		token hsm.Token
	}{{"the same folder", one, other}, {"the same token", two, token}} {
		if _, err := Hold(c.dir, library.Identity{}, c.token); exitcode.Of(err) != exitcode.Refused {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if again, err := Hold(two, library.Identity{}, other); err != nil {
		t.Errorf("another folder and token: %v", err)
	} else {
		again()
	}
	release()
	release, err = Hold(one, library.Identity{}, token)
	if err != nil {
		t.Fatal(err)
	}
	release()
	for _, s := range []hsm.Token{token, other} {
		if path := tokenLock(library.Identity{}, s); exists(path) {
			t.Errorf("%s is left behind", path)
		}
	}
	if _, err := Hold(t.TempDir()+"/none", library.Identity{}, token); err == nil {
		t.Error("a folder that is not there")
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
