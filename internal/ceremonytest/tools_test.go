//go:build linux

package ceremonytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/hsm/probe"
	"byok/internal/hsm/shim"
	"byok/internal/testkit/page"
)

// get sets a variable to a field of a JSON file: NAME a.b.c FILE. FILE may be
// stdout, as it was printed; a.b.first is the first word of a text.
func get(ts *testscript.TestScript, args []string) {
	data := []byte(of(ts).last.out)
	if args[2] != "stdout" {
		data = []byte(ts.ReadFile(args[2]))
	}
	value, err := field(data, args[1])
	ts.Check(err)
	ts.Setenv(args[0], value)
}

func field(data []byte, path string) (string, error) {
	var at any
	if err := json.Unmarshal(data, &at); err != nil {
		return "", err
	}
	for name := range strings.SplitSeq(path, ".") {
		if text, _ := at.(string); name == "first" && text != "" {
			return strings.Fields(text)[0], nil
		}
		object, _ := at.(map[string]any)
		if at = object[name]; at == nil {
			return "", fmt.Errorf("there is no field %s", path)
		}
	}
	return strings.Trim(fmt.Sprint(at), "[]"), nil // a list of words becomes them
}

// sum sets a variable to the SHA-256 of a file: NAME FILE.
func sum(ts *testscript.TestScript, args []string) {
	digest := sha256.Sum256([]byte(ts.ReadFile(args[1])))
	ts.Setenv(args[0], hex.EncodeToString(digest[:]))
}

// flip changes byte N of a file, counted from its end if negative: FILE N. A
// letter or digit becomes another letter.
func flip(ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	rewrite(ts, args[0], func(data []byte) []byte {
		if n < 0 {
			n += len(data)
		}
		switch b := rune(data[n]); {
		case b == 'A':
			data[n] = 'B'
		case b < 0x80 && (unicode.IsLetter(b) || unicode.IsDigit(b)):
			data[n] = 'A'
		default:
			data[n] ^= 1
		}
		return data
	})
}

// cut keeps the first N bytes of a file, or all but the last -N: FILE N.
func cut(ts *testscript.TestScript, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	rewrite(ts, args[0], func(data []byte) []byte {
		if n < 0 {
			n += len(data)
		}
		return data[:n]
	})
}

// edit replaces a text, which must be in the file: FILE OLD NEW.
func edit(ts *testscript.TestScript, args []string) {
	rewrite(ts, args[0], func(data []byte) []byte {
		if !bytes.Contains(data, []byte(args[1])) {
			ts.Fatalf("%s: there is no %q in it", args[0], args[1])
		}
		return bytes.Replace(data, []byte(args[1]), []byte(args[2]), 1)
	})
}

func rewrite(ts *testscript.TestScript, name string, change func([]byte) []byte) {
	path := ts.MkAbs(name)
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.WriteFile(path, change([]byte(ts.ReadFile(name))), info.Mode()))
}

// document writes the commands of a section of a page in docs to a file: PAGE
// HEADING FILE.
func document(ts *testscript.TestScript, args []string) {
	section, err := page.Section(filepath.Join(ts.Getenv("DOCS"), args[0]), args[1])
	ts.Check(err)
	commands := page.Commands(section)
	if commands == "" {
		ts.Fatalf("%s has no commands in %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), []byte(commands), 0o600))
}

// readonly makes a folder that nothing can be written into, by root neither:
// the programs run without root's right to ignore modes.
func readonly(ts *testscript.TestScript, args []string) {
	path := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(path, 0o755))
	ts.Check(os.Chmod(path, 0o555))
	ts.Defer(func() { _ = os.Chmod(path, 0o755) }) // so that it can be removed
}

// faulty compiles a PKCS#11 library that forwards to SoftHSM and goes wrong as
// the SHIM_ variables say, and sets $SHIM to it: see package shim. RSA keys that
// are worth nothing are there sooner than SoftHSM makes them.
func faulty(ts *testscript.TestScript, _ []string) {
	ts.Setenv("BYOK_SHIM_SHORT_RSA", probe.Label)
	ts.Setenv("BYOK_SHIM_FIXED_RSA", "byok-session")
	ts.Setenv("BYOK_SHIM_MODULE", ts.Getenv("MODULE"))
	ts.Setenv("SHIM", shim.Build(of(ts).t))
}
