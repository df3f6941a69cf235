//go:build linux

package ceremonytest

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// networking is the symbols that no program has that cannot reach a network.
// What both programs have is not among them: net's addresses, which crypto/x509
// compares, and internal/poll's methods for a descriptor that is open already.
func networking() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"dialler":       regexp.MustCompile(`^net\.(\(\*(Dialer|sysDialer)\)\.|Dial)`),
		"listener":      regexp.MustCompile(`^net\.(\(\*(ListenConfig|sysListener|TCPListener|UnixListener)\)\.|Listen)`),
		"resolver":      regexp.MustCompile(`^(net\.(\(\*Resolver\)\.|Lookup[A-Z]|goLookup|cgoLookup)|vendor/golang\.org/x/net/dns/dnsmessage\.\(\*)`),
		"connection":    regexp.MustCompile(`^net\.(\(\*(netFD|conn|TCPConn|UDPConn|UnixConn)\)\.|socket$|internetSocket$|sysSocket$)`),
		"TLS handshake": regexp.MustCompile(`^crypto/tls\.(\(\*Conn\)\.|\(\*(client|server)HandshakeState|(Client|Server|Dial|Listen)$)`),
		"HTTP":          regexp.MustCompile(`^(net/http|golang\.org/x/net/http2)[./]`),
		"socket call":   regexp.MustCompile(`^(syscall|golang\.org/x/sys/unix)\.(Socket|Socketpair|Connect|Bind|Listen|socket|socketpair|connect|bind|listen)$`),
	}
}

func TestNoNetworkingCode(t *testing.T) {
	t.Parallel()
	offline, online := symbols(t, "byok-offline"), symbols(t, "byok-online")
	for what, pattern := range networking() {
		if found := matching(offline, pattern); len(found) > 0 {
			t.Errorf("byok-offline has a %s: %q", what, found)
		}
		if found := matching(online, pattern); len(found) < 5 {
			t.Errorf("byok-online, which has a %s, has only these symbols of one, so the pattern misses some: %q", what, found)
		}
	}
}

// symbols lists what the linker kept, as go tool nm prints it.
func symbols(t *testing.T, program string) []string {
	t.Helper()
	out, err := exec.Command("go", "tool", "nm", binary(program)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		// "  4a5b60 T net.Dial"; an undefined symbol has no address.
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		names = append(names, fields[len(fields)-1])
	}
	if len(names) < 1000 {
		t.Fatalf("%s has %d symbols: it was stripped", program, len(names))
	}
	return names
}

func matching(names []string, pattern *regexp.Regexp) (found []string) {
	for _, name := range names {
		if pattern.MatchString(name) {
			found = append(found, name)
		}
	}
	return found
}

// sockets is the C library's way to a network.
func sockets() *regexp.Regexp {
	return regexp.MustCompile(`^(socket|socketpair|connect|bind|listen|accept4?|send|sendto|sendmsg|sendmmsg|recv|recvfrom|recvmsg|recvmmsg|getaddrinfo|gethostby\w+|res_\w*)$`)
}

// TestNoSocketsOfTheCLibrary compares with a C program that has some.
func TestNoSocketsOfTheCLibrary(t *testing.T) {
	t.Parallel()
	if found := matching(imported(t, binary("byok-offline")), sockets()); len(found) > 0 {
		t.Errorf("byok-offline imports %q", found)
	}
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "control.c"), filepath.Join(dir, "control")
	const text = "#include <netdb.h>\n#include <sys/socket.h>\nint main(void) { return socket(1, 1, 0) + connect(0, 0, 0) + getaddrinfo(0, 0, 0, 0); }\n"
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cc", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("compiling a control, which needs a C compiler (apt-get install gcc libc6-dev): %v\n%s", err, out)
	}
	if found := matching(imported(t, binary), sockets()); len(found) != 3 {
		t.Errorf("of a program that imports socket, connect and getaddrinfo, these are found: %q", found)
	}
}

func imported(t *testing.T, path string) []string {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	list, err := file.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
	}
	return names
}

// TestBuiltAsReleased compares the programs tested here with what make build makes.
func TestBuiltAsReleased(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("make", "--no-print-directory", "-C", "../..", "-n", "build", "GO=go").Output()
	if err != nil {
		t.Fatal(err)
	}
	flags := strings.Join(buildFlags(), " ")
	for _, program := range []string{"byok-offline", "byok-online"} {
		if line := " " + flags + " -o bin/" + program + " ./cmd/" + program + "\n"; !strings.Contains(string(out), line) {
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
