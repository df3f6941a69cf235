package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/testkit/misfit"
)

// texts are the texts that commands read, with a command that reads each.
func texts(t *testing.T, s *stage) map[string]string {
	t.Helper()
	const ofKEK, ofWorld = "kek/BYOK-KEK-pkg-TEST-1", "kek/BYOK-SecurityWorld-pkg-TEST-1"
	list := map[string]string{
		ofKEK:         "verify -k " + ofKEK + " -w " + ofWorld,
		ofWorld:       "verify -k " + ofKEK + " -w " + ofWorld,
		logFile:       thenVerify,
		"secrets/pin": thenCheck,
	}
	for _, path := range s.files(t) {
		switch name := filepath.Base(path); {
		case !strings.HasPrefix(path, "kmdata/local/") || path == logFile || name[0] == '.' || strings.HasSuffix(name, ".sig"):
		case strings.HasPrefix(name, "key_simple_"):
			list[path] = "key list"
		case strings.HasPrefix(name, "key_xferacld_"):
			list[path] = "acl print --ident " + strings.Split(name, "_")[2]
		default:
			list[path] = "world info"
		}
	}
	return list
}

// TestEncodings spoils every text that the program reads in every way: what is
// wrong with it is named.
func TestEncodings(t *testing.T) {
	s := inState(t, modified)
	named, all := 0, 0
	for path, line := range texts(t, s) {
		whole, err := os.ReadFile(s.path(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range misfit.Encodings() {
			want := e.Says
			switch {
			case path == "secrets/pin" && e.Name == misfit.CRLF:
				continue // a line end is not part of a PIN
			case path == "secrets/pin" && e.Name == "UTF-16 without a mark":
				want = "is in UTF-16"
			case path == "secrets/pin":
				want = "begins with a byte-order mark"
			}
			all++
			if err := os.WriteFile(s.path(path), e.Spoil(whole), 0o600); err != nil {
				t.Fatal(err)
			}
			if out := s.run(t, line); out.status == 0 || !strings.Contains(out.text, want) {
				t.Errorf("%s in %s: %s: status %d: %swant %s", e.Name, path, line, out.status, out.text, want)
			} else {
				named++
			}
			if err := os.WriteFile(s.path(path), whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("spoiled texts that are named: %d of %d", named, all)
}
