// Package shim gives tests a PKCS#11 library that forwards every call to a
// real one and goes wrong where it is told to: it counts and logs the calls,
// fails or kills the process at the n-th, hides slots and mechanisms, offers
// CKM_RSA_AES_KEY_WRAP, and breaks one promise of the token at a time.
//
// The switches are environment variables; csrc/shim.c begins with the list of
// them. For a program that drops variables it does not know, put BYOK_ before
// their names. Production code does not import this package, and nothing of it
// is in a release: each test compiles its own copy.
package shim

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"byok/internal/testkit/softhsm"
)

//go:embed csrc
var sources embed.FS

// Shared names a folder for what the test programs of one run have in common:
// scripts/test.sh sets it.
const Shared = "TEST_SHARED"

// Build puts the shim into a folder of the test and returns the library's
// path. It is compiled once a test program, or once in the folder [Shared]. The
// real library is SoftHSM, or what SHIM_MODULE names when the shim is loaded. A
// test without a C compiler fails: it is never skipped.
func Build(t testing.TB) string {
	t.Helper()
	compiled.once.Do(func() { compiled.library = shared(t, os.Getenv(Shared)) })
	if compiled.library == nil {
		t.Fatal("the shim was not compiled: see the first test that needed it")
	}
	library := filepath.Join(t.TempDir(), "shim.so")
	if err := os.WriteFile(library, compiled.library, 0o700); err != nil {
		t.Fatal(err)
	}
	return library
}

var compiled struct {
	once    sync.Once
	library []byte
}

// shared returns the shim that another test program compiled in the folder, or
// compiles it, for the others too.
func shared(t testing.TB, folder string) []byte {
	t.Helper()
	if folder == "" {
		return compile(t)
	}
	path := filepath.Join(folder, "shim.so")
	data, err := os.ReadFile(path)
	if err == nil {
		return data
	}
	data = compile(t)
	own := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := errors.Join(os.WriteFile(own, data, 0o600), os.Rename(own, path)); err != nil {
		t.Fatal(err)
	}
	return data
}

func compile(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, sources); err != nil {
		t.Fatal(err)
	}
	library := filepath.Join(dir, "shim.so")
	usual, _ := softhsm.Library() // without it a test has to set SHIM_MODULE
	files, err := filepath.Glob(filepath.Join(dir, "csrc", "*.c"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no C source of the shim: %v", err)
	}
	// nodelete: crypto11 and hsm load and unload it in turns, and the counts go on.
	// O0: compiling it takes longer than all that it does.
	line := slices.Concat([]string{"-shared", "-fPIC", "-O0", "-Wall", "-Wextra", "-Wno-unused-parameter",
		"-fvisibility=hidden", "-Wl,-z,nodelete", "-DSHIM_REAL=\"" + usual + "\"",
		"-I", headers(t), "-o", library}, files, []string{"-ldl", "-pthread"})
	run(t, "cc", "apt-get install gcc libc6-dev", line...)
	data, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// headers finds the standard's C headers, which the binding carries.
func headers(t testing.TB) string {
	t.Helper()
	return run(t, "go", "install Go", "list", "-m", "-f", "{{.Dir}}", "github.com/miekg/pkcs11")
}

func run(t testing.TB, program, remedy string, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatalf("%s is not installed, and these tests need it: %s", program, remedy)
	}
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// Calls reads the file that SHIM_LOG named: the functions called, in order. A
// file that is not there holds no calls.
func Calls(t testing.TB, log string) []string {
	t.Helper()
	data, err := os.ReadFile(log)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return strings.Fields(string(data))
}
