package secondproc

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
)

// scratch is a folder for the run.
var scratch string

func TestMain(m *testing.M) {
	if IsChild(os.Args) {
		os.Exit(Child(os.Stdin, os.Stdout))
	}
	if library := os.Getenv(confinedVariable); library != "" {
		proveConfined(library)
		return
	}
	var err error
	if scratch, err = os.MkdirTemp("", "secondproc"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	m.Run()
	_ = os.RemoveAll(scratch)
}

const (
	soPIN   = "so-pin-of-the-test"
	userPIN = "user-pin-of-the-test"
)

func pin(s string) *secret.Bytes { return secret.Take([]byte(s)) }

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// failure is an error as the user meets it.
type failure struct {
	text string
	code exitcode.Code
	hint string
}

func expect(t *testing.T, err error, want failure) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", want.text)
		return
	}
	if got := (failure{err.Error(), exitcode.Of(err), exitcode.HintOf(err)}); got != want {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// shared returns the path of a copy of the library of testdata/shared.c and
// the file that steers it.
func shared(t *testing.T) (library, mode string) {
	t.Helper()
	softhsm.New(t)
	path, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	code := must[[]byte](t)(os.ReadFile(path))
	library = t.TempDir() + "/shared.so"
	if err := os.WriteFile(library, code, 0o600); err != nil {
		t.Fatal(err)
	}
	return library, filepath.Dir(library) + "/mode"
}

// compiled compiles testdata/shared.c, once.
var compiled = sync.OnceValues(func() (path string, err error) {
	softHSM, err := softhsm.Library()
	if err != nil {
		return "", err
	}
	headers, err := run("go", "list", "-m", "-f", "{{.Dir}}", "github.com/miekg/pkcs11")
	if err != nil {
		return "", err
	}
	path = filepath.Join(scratch, "shared.so")
	_, err = run("cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden",
		"-DREAL=\""+softHSM+"\"", "-I", "../hsm/shim/csrc", "-I", headers, "-o", path, "testdata/shared.c", "-ldl")
	return path, err
})

func run(program string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", program, err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out)), nil
}

// prepared loads a library and prepares its free token.
func prepared(t *testing.T, library string) (*hsm.Module, hsm.Token) {
	t.Helper()
	m := must[*hsm.Module](t)(hsm.Load(library))
	t.Cleanup(m.Close)
	token := must[hsm.Token](t)(m.Initialise(must[hsm.Token](t)(m.Free()), pin(soPIN), "test"))
	as(t, m, token, hsm.RoleSO, soPIN, func(s *hsm.Session) error { return s.InitPIN(pin(userPIN)) })
	return m, token
}

func as(t *testing.T, m *hsm.Module, token hsm.Token, role hsm.Role, text string, work func(*hsm.Session) error) {
	t.Helper()
	s := must[*hsm.Session](t)(m.Open(token))
	defer s.Close()
	if err := s.Login(role, pin(text)); err != nil {
		t.Fatal(err)
	}
	if err := work(s); err != nil {
		t.Fatal(err)
	}
}

// objects lists the labels of what is on the token, as the user sees it.
func objects(t *testing.T, m *hsm.Module, token hsm.Token) []string {
	t.Helper()
	var labels []string
	as(t, m, token, hsm.RoleUser, userPIN, func(s *hsm.Session) error {
		r := must[*raw](t)(connect(m.Path, s.Token.Slot))
		defer r.close()
		found := must[[]pkcs11.ObjectHandle](t)(r.Find(pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true)))
		for _, o := range found {
			labels = append(labels, string(r.value(o, pkcs11.CKA_LABEL)))
		}
		return nil
	})
	return labels
}

// again loads a library once more and finds the token.
func again(t *testing.T, library string, token hsm.Token) (*hsm.Module, hsm.Token) {
	t.Helper()
	m := must[*hsm.Module](t)(hsm.Load(library))
	t.Cleanup(m.Close)
	return m, must[hsm.Token](t)(m.Token(token.ID()))
}

func itoa(n int) string { return strconv.Itoa(n) }
