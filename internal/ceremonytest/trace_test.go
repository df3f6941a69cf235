//go:build linux

package ceremonytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// internet is a system call of strace's that asks for, or names, the internet.
func internet() *regexp.Regexp { return regexp.MustCompile(`\b(AF_INET6?|PF_INET6?)\b`) }

// TestTheOfflineHalfAsksForNoInternetSocket runs the demo with every
// byok-offline under strace, the HSM's library included.
func TestTheOfflineHalfAsksForNoInternetSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command("../../scripts/demo.sh")
	cmd.Env = append(os.Environ(), "DEMO_TRACE="+dir, "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "\nResult: SUCCESS\n") {
		t.Fatalf("the demo (under strace: apt-get install strace): %v\n%s", err, out)
	}
	traces, err := filepath.Glob(filepath.Join(dir, "*.strace"))
	if ran := strings.Count(string(out), "\noffline$ byok-offline "); err != nil || len(traces) != ran || ran < 8 {
		t.Fatalf("%d traces of %d commands, %v", len(traces), ran, err)
	}
	for _, path := range traces {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(tracedLine(out, path), " ceremony bundle ") {
			// It writes down what confine status finds: the sockets that it is refused.
			text = refused().ReplaceAll(text, nil)
		}
		if found := internet().FindAllString(string(text), -1); found != nil {
			t.Errorf("%s: %q\n%s", filepath.Base(path), found, text)
		}
		if !strings.HasSuffix(string(text), "+++ exited with 0 +++\n") {
			t.Errorf("%s does not tell the whole run:\n%s", filepath.Base(path), text)
		}
	}
}

// refused is a call for a socket of the internet that the kernel did not answer.
func refused() *regexp.Regexp { return regexp.MustCompile(`socket\(AF_INET6?, .*= -1 EACCES`) }

// tracedLine is the command line of the demo whose trace has the path.
func tracedLine(demo []byte, path string) string {
	lines := regexp.MustCompile(`(?m)^(?:online|offline)\$ .*[^&\n]$`).FindAllString(string(demo), -1)
	var number int
	if _, err := fmt.Sscanf(filepath.Base(path), "%d.strace", &number); err != nil || number > len(lines) {
		return ""
	}
	return lines[number-1]
}

// TestTracesTell is the control: confine status does ask, and is refused.
func TestTracesTell(t *testing.T) {
	t.Parallel()
	trace := filepath.Join(t.TempDir(), "trace")
	out, err := exec.Command("strace", "-f", "-e", "trace=network", "-o", trace, binary("byok-offline"), "confine", "status", "--kmdata", t.TempDir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range []string{"AF_INET", "AF_INET6"} {
		if !regexp.MustCompile(`socket\(` + family + `, .*= -1 EACCES`).Match(text) {
			t.Errorf("confine status asks for no %s socket, or is not refused:\n%s", family, text)
		}
	}
	if !internet().Match(text) {
		t.Errorf("the pattern finds nothing in\n%s", text)
	}
}
