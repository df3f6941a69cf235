package main

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestHostileInputs(t *testing.T) { withInputs().try(t) }

// withInputs is what stands where a file is expected.
func withInputs() deeds {
	pipe := func(where []string, path, then, want string) deed {
		return deed{name: "a pipe in place of " + path, state: modified, also: where, do: piped(path), then: then, want: want}
	}
	return deeds{heading: "Files that are none", who: "whoever can put files where the program reads them",
		list: in(withTransfers, []deed{
			pipe(onAnyToken, "secrets/pin", thenCheck, "2: secrets/pin: a named pipe, not a file"),
			pipe(but(onAnyToken, replaced), "secrets/card1", thenSeal, "2: secrets/card1: a named pipe, not a file"),
			pipe(but(onAnyToken, replaced), "card1/byok-card.age", thenSeal, "6: card1/byok-card.age: a named pipe, not a file"),
			pipe(onAnyToken, "kmdata/local/world", thenCheck, "3: kmdata/local/world: a named pipe, not a file"),
			pipe(onAnyToken, "kmdata/local/world.sig", thenCheck, "3: kmdata/local/world.sig: a named pipe, not a file"),
			pipe(withTransfers, lastState, thenCheck, "3: kmdata/local/statements/000007-authorization.json: a named pipe, not a file"),
			pipe(withTransfers, strings.Replace(lastState, ".json", ".sig", 1), thenCheck,
				"3: kmdata/local/statements/000007-authorization.sig: a named pipe, not a file"),
			pipe(withEC, "kmdata/local/key_simple_ec", thenModify, "3: kmdata/local/key_simple_ec: a named pipe, not a file"),
			pipe(withEC, "kmdata/local/key_simple_ec.sig", thenModify,
				"3: kmdata/local/key_simple_ec.sig: a named pipe, not a file"),
			pipe(withEC, "kmdata/local/retired_key_simple_ec", thenModify,
				"3: kmdata/local/retired_key_simple_ec: a named pipe, not a file"),
			pipe(onAnyToken, logFile, thenVerify, "3: kmdata/local/ceremony.jsonl cannot be read: a named pipe, not a file"),
			pipe(withEC, "pkg", strings.Replace(thenModify, "$KEK", "-k pkg -w pkg", 1), "2: pkg: a named pipe, not a file"),
			{name: "a folder in place of a key file", state: modified, also: withEC, do: foldered("kmdata/local/key_simple_ec"),
				then: thenModify, want: "3: kmdata/local/key_simple_ec: a folder, not a file"},
			{name: "a key file of 2 MiB", state: modified, also: withEC,
				do:   overwriting("kmdata/local/key_simple_ec", strings.Repeat(" ", 2<<20)),
				then: thenModify, want: "3: kmdata/local/key_simple_ec: larger than the 1048576 bytes that such a file may " +
					"have"},
			{name: "a card of work factor 22", state: generated, also: but(onAnyToken, replaced), do: costly(22), then: thenSeal,
				want: "6: card1: sealed with scrypt work factor 22; at most 18 is accepted",
				note: "18 seconds and 4 GiB, for a card that may be anybody's"},
			{name: "a card of work factor 63", state: generated, also: but(onAnyToken, replaced), do: costly(63), then: thenSeal,
				want: "6: card1: sealed with scrypt work factor 63; at most 18 is accepted"},
			{name: "a PIN file that others can read", state: generated, also: onAnyToken, do: openPIN, then: thenCheck,
				want: "6: secrets/pin: others have access to it (mode 0644)"},
		}...)}
}

// piped puts a named pipe in place of a file, if there is one.
func piped(path string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		_ = os.Remove(s.path(path))
		if err := syscall.Mkfifo(s.path(path), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func foldered(path string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		if err := errors.Join(os.Remove(s.path(path)), os.Mkdir(s.path(path), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
}

// costly writes a work factor into the header of a card: "-> scrypt SALT N".
func costly(factor int) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		path := s.path("card1/byok-card.age")
		lines := strings.SplitN(string(mustDo(os.ReadFile(path))(t)), "\n", 3)
		fields := strings.Fields(lines[1])
		if len(fields) != 4 || fields[1] != "scrypt" {
			t.Fatalf("%q is not the header of a card", lines[1])
		}
		lines[1] = strings.Join(append(fields[:3], strconv.Itoa(factor)), " ")
		mustWrite(t, path, []byte(strings.Join(lines, "\n")))
	}
}

func openPIN(t *testing.T, s *stage) {
	if err := os.Chmod(s.path("secrets/pin"), 0o644); err != nil {
		t.Fatal(err)
	}
}
