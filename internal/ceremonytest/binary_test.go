//go:build linux

package ceremonytest

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"byok/internal/linkage"
)

// TestNoNetworkingCode has package linkage judge both programs, by the rules of
// check-offline: byok-online, which does reach a network, must be found out by
// each that is about functions, so none of them matches nothing.
func TestNoNetworkingCode(t *testing.T) {
	t.Parallel()
	if r := examine(t, binary("byok-offline")); r.Conclusion != linkage.None {
		t.Errorf("byok-offline: %s, by %q, %q", r.Conclusion, r.Failed(), r.Unjudged)
	}
	r := examine(t, binary("byok-online"))
	found := r.Failed()
	for _, want := range []string{
		"dialler", "listener", "resolver", "connection", "TLS handshake", "HTTP", "socket call", "open descriptors", "system calls",
	} {
		if !slices.Contains(found, want) {
			t.Errorf("byok-online is not found out by %q, but by %q", want, found)
		}
	}
	if r.Conclusion != linkage.Found {
		t.Errorf("byok-online: %s", r.Conclusion)
	}
}

func examine(t *testing.T, path string) linkage.Report {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return linkage.Examine(file)
}

// TestNoSocketsOfTheCLibrary compares with a C program that has some.
func TestNoSocketsOfTheCLibrary(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, control := filepath.Join(dir, "control.c"), filepath.Join(dir, "control")
	const text = "#include <netdb.h>\n#include <sys/socket.h>\nint main(void) { return socket(1, 1, 0) + connect(0, 0, 0) + getaddrinfo(0, 0, 0, 0); }\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-o", control, source).CombinedOutput(); err != nil {
		t.Fatalf("compiling a control, which needs a C compiler (apt-get install gcc libc6-dev): %v\n%s", err, out)
	}
	for _, test := range []struct {
		path string
		want []string
	}{
		{binary("byok-offline"), nil},
		{control, []string{"connect", "getaddrinfo", "socket"}},
	} {
		for _, c := range examine(t, test.path).Checks {
			if c.Name == "imported functions" && !slices.Equal(c.Found, test.want) {
				t.Errorf("%s imports %q, want %q", test.path, c.Found, test.want)
			}
		}
	}
}

// TestBuiltAsReleased compares the programs tested here with what make build makes.
func TestBuiltAsReleased(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("make", "--no-print-directory", "-C", "../..", "-n", "build", "GO=go").Output()
	if err != nil {
		t.Fatal(err)
	}
	out = bytes.ReplaceAll(out, []byte(`"`), nil) // the shell's
	flags := strings.Join(buildFlags(), " ") + " -ldflags " + linkerFlags
	for _, program := range []string{"byok-offline", "byok-online"} {
		line := " " + regexp.QuoteMeta(flags) + ".* -o bin/" + program + " ./cmd/" + program + "\n"
		if !regexp.MustCompile(line).Match(out) {
			t.Errorf("make build runs\n%s and these tests %s", out, line)
		}
		for key, want := range map[string]string{"-tags": "netgo,osusergo,urfave_cli_no_docs", "-trimpath": "true", "GOEXPERIMENT": experiment, "CGO_ENABLED": "1"} {
			if got := setting(t, program, key); got != want {
				t.Errorf("%s was built with %s=%s, want %s", program, key, got, want)
			}
		}
	}
}

func setting(t *testing.T, program, key string) string {
	t.Helper()
	for _, s := range info(t, program).Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func info(t *testing.T, program string) *buildinfo.BuildInfo {
	t.Helper()
	i, err := buildinfo.ReadFile(binary(program))
	if err != nil {
		t.Fatal(err)
	}
	return i
}
