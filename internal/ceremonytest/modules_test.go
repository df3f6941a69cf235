//go:build linux

package ceremonytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/testkit/softhsm"
)

// bench is a PKCS#11 library with what it needs to run.
type bench struct {
	library string
	env     []string
	user    *syscall.Credential // nil: whoever runs the tests
	flags   []string            // of module check
}

// TestModuleCheck holds what docs/hsm shows of three libraries of Debian's to
// what module check prints of them. With -args update the pages are rewritten.
func TestModuleCheck(t *testing.T) {
	for page, c := range map[string]struct {
		prepare func(*testing.T, string) bench
		status  int
	}{
		"softhsm.md": {softHSM, 0},
		"nss.md":     {nss, 4},
		"tpm2.md":    {tpm2, 4},
	} {
		t.Run(page, func(t *testing.T) {
			t.Parallel()
			dir := openFolder(t)
			o := c.prepare(t, dir).check(t, dir)
			if o.status != c.status {
				t.Errorf("status %d, want %d", o.status, c.status)
			}
			want := documented(t, page)
			if o.out != want && updating() {
				document := readFile(t, pages+page)
				document = strings.Replace(document, indented(want), indented(o.out), 1)
				if err := os.WriteFile(pages+page, []byte(document), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if o.out != want {
				t.Errorf("%s shows\n%smodule check prints\n%s%s", page, want, o.out, o.err)
			}
		})
	}
}

const pages = "../../docs/hsm/"

// openFolder makes a folder that any user may enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "module")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func indented(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n    ") + "\n"
}

func (b bench) check(t *testing.T, dir string) outcome {
	t.Helper()
	p := process{
		program: "byok-offline",
		words:   append([]string{"module", "check", "--module-path", b.library}, b.flags...),
		env:     append([]string{"BYOK_KMDATA=" + folder(t, b, dir, "kmdata")}, b.env...),
		dir:     dir,
		user:    b.user,
	}
	o := (&stage{t: t, dir: dir}).run(p)
	o.out = strings.ReplaceAll(o.out, b.library, "LIBRARY")
	return o
}

// documented is the table that a page shows: the indented lines without a break
// that end with the result.
func documented(t *testing.T, page string) string {
	t.Helper()
	var table strings.Builder
	for line := range strings.Lines(readFile(t, pages+page)) {
		shown, indented := strings.CutPrefix(line, "    ")
		if !indented {
			table.Reset()
			continue
		}
		table.WriteString(shown)
		if strings.HasPrefix(shown, "Result: ") {
			return table.String()
		}
	}
	t.Fatalf("%s shows no result", page)
	return ""
}

// installed finds a library where Debian and others put it.
func installed(t *testing.T, name, debian string) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/*/" + name, "/usr/lib64/" + name, "/usr/lib/" + name} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("%s is not installed, and this test needs it: apt-get install %s", name, debian)
	return ""
}

func folder(t *testing.T, b bench, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	b.own(t, path)
	return path
}

func (b bench) file(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.own(t, path)
	return path
}

func (b bench) own(t *testing.T, path string) {
	t.Helper()
	if b.user == nil {
		return
	}
	if err := os.Chown(path, int(b.user.Uid), int(b.user.Gid)); err != nil {
		t.Fatal(err)
	}
}

func softHSM(t *testing.T, dir string) bench {
	t.Helper()
	library, err := softhsm.Library()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := softhsm.Configure(dir)
	if err != nil {
		t.Fatal(err)
	}
	return bench{library: library, env: []string{"SOFTHSM2_CONF=" + conf}}
}

// nss prepares NSS softoken behind p11-kit's proxy. NSS takes its configuration
// through pReserved of C_Initialize, which the proxy fills in from a module
// file. p11-kit reads a user's own module files, but not root's: root runs it as
// nobody.
func nss(t *testing.T, dir string) bench {
	t.Helper()
	b := bench{library: installed(t, "p11-kit-proxy.so", "p11-kit-modules")}
	if os.Getuid() == 0 {
		b.user = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	b.env = []string{"HOME=" + folder(t, b, dir, "home")}
	folder(t, b, dir, "home/.config")
	kit, db := folder(t, b, dir, "home/.config/pkcs11"), folder(t, b, dir, "db")
	b.file(t, kit+"/pkcs11.conf", "user-config: only\n")
	// One token, not NSS's usual two, which have one serial and could not be told apart.
	const line = "module: %[1]s\nx-init-reserved: configdir='sql:%[2]s' certPrefix='' keyPrefix='' secmod='' flags= " +
		"tokens=<2=[configDir='sql:%[2]s' tokenDescription='byok' slotDescription='NSS']>\n"
	b.file(t, folder(t, b, dir, "home/.config/pkcs11/modules")+"/nss.module",
		fmt.Sprintf(line, installed(t, "libsoftokn3.so", "libnss3"), db))
	cmd := exec.Command("certutil", "-N", "-d", "sql:"+db, "-f", b.file(t, dir+"/password", "12345678\n"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: b.user}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("certutil (apt-get install libnss3-tools): %v\n%s", err, out)
	}
	b.flags = []string{"--with-test-keys", strings.Repeat("0", 16), "--pin-file", dir + "/password"}
	return b
}

// tpm2 prepares tpm2-pkcs11 before a software TPM. They talk over an AF_UNIX
// socket, which the program's confinement allows.
func tpm2(t *testing.T, dir string) bench {
	t.Helper()
	b := bench{library: installed(t, "libtpm2_pkcs11.so.1", "libtpm2-pkcs11-1")}
	installed(t, "libtss2-tcti-swtpm.so.0", "libtss2-tcti-swtpm0")
	socket := filepath.Join(dir, "sock") // at most 107 bytes
	tpm := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+folder(t, b, dir, "tpm"),
		"--flags", "not-need-init,startup-clear",
		"--server", "type=unixio,path="+socket, "--ctrl", "type=unixio,path="+socket+".ctrl") // where the TCTI looks for it
	if err := tpm.Start(); err != nil {
		t.Fatalf("swtpm (apt-get install swtpm): %v", err)
	}
	t.Cleanup(func() {
		_ = tpm.Process.Kill()
		_ = tpm.Wait()
	})
	for end := time.Now().Add(promptPatience); !exists(socket) || !exists(socket+".ctrl"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s does not appear", socket)
		}
	}
	b.env = []string{"TPM2_PKCS11_STORE=" + folder(t, b, dir, "store"), "TPM2_PKCS11_TCTI=swtpm:path=" + socket}
	return b
}
