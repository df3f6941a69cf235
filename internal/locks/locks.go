// Package locks keeps two quorum sessions of one computer apart.
package locks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/printable"
)

// holder is what a lock says of who holds it.
const holder = "a quorum session"

// Hold keeps every other quorum session from the kmdata folder dir and from
// the token, whatever kmdata that session works on. The kernel frees both with
// the process. Held by another session, each has status Refused. The token's
// file in /tmp goes with release. by is the library that shows the token: a
// token without a serial number is known by it.
func Hold(dir string, by library.Identity, t hsm.Token) (release func(), err error) {
	folder, err := durable.Lock(filepath.Join(kmdata.Local(dir), ".quorum-session"), holder)
	if err != nil {
		return nil, err
	}
	path := tokenLock(by, t)
	token, err := durable.LockTemporary(path, holder)
	if err != nil {
		folder()
		return nil, another(path, err)
	}
	return func() {
		token()
		folder()
	}, nil
}

// another says what to do about a lock that another account left behind.
func another(path string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return exitcode.Hint(exitcode.Mark(exitcode.Refused, err), "rm %s, as the account that worked on this token before",
		printable.Quote(path))
}

// tokenLock is the path of the lock of a token: the same for every account and
// every session of this computer.
func tokenLock(by library.Identity, t hsm.Token) string {
	parts := []string{t.Manufacturer, t.Model, t.Serial}
	if t.Serial == "" || !t.Initialised {
		parts = append(parts, t.Label, fmt.Sprint(t.Slot), by.Path)
		for _, v := range by.Environment {
			parts = append(parts, v.Name, v.Value)
		}
		for _, f := range by.Configuration {
			parts = append(parts, f.Path)
		}
	}
	name := fingerprint.Of([]byte(strings.Join(parts, "\x00"))).String()
	return filepath.Join(lockFolder(), "byok-token-"+name[:16]+".lock")
}

// lockFolder is not $TMPDIR, which may be an account's or a session's own.
func lockFolder() string {
	if runtime.GOOS == "windows" {
		return os.TempDir()
	}
	return "/tmp"
}
