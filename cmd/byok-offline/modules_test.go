package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/testkit/softhsm"
)

// TestModuleCheck runs against three libraries of Debian's: SoftHSM, NSS
// softoken behind p11-kit, and tpm2-pkcs11 before a software TPM.
func TestModuleCheck(t *testing.T) {
	eachOn(t, map[string]func(*testing.T, *station){
		"SoftHSM": checkSoftHSM, "SoftHSM, initialised": checkInitialised, "refused": checkRefused, "NSS": checkNSS, "NSS, world": createOnNSS, "TPM2": checkTPM2,
	})
}

// soft prepares SoftHSM and returns its library.
func (s *station) soft(t *testing.T) string {
	t.Helper()
	path, err := softhsm.Library()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := softhsm.Configure(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	s.setenv("SOFTHSM2_CONF", conf)
	return path
}

// documented is what a page of docs/hsm shows of a check, which is what these
// tests want to see: its indented lines from the first property to the result.
func documented(t *testing.T, page string) string {
	t.Helper()
	text := string(mustDo(os.ReadFile("../../docs/hsm/" + page))(t))
	var table strings.Builder
	for _, line := range strings.SplitAfter(text, "\n") {
		shown, indented := strings.CutPrefix(line, "    ")
		if indented && slices.ContainsFunc([]string{"enforced ", "not enforced ", "missing ", "not tried ", "verdict on ", "Result: "}, func(start string) bool { return strings.HasPrefix(shown, start) }) {
			table.WriteString(shown)
		}
	}
	return table.String()
}

func checkSoftHSM(t *testing.T, s *station) {
	path, softTable := s.soft(t), documented(t, "softhsm.md")
	for range 2 { // the second takes the token that the first has left
		expectResult(t, s.run(t, "module check --module-path "+path), result{exitcode.Done, softTable, ""})
	}
	list := s.must(t, "module list --module-path "+path).out
	if n := strings.Count(list, "\n"); n != 4 || strings.Count(list, "byok-module-check") != 1 {
		t.Errorf("%d lines:\n%s", n, list)
	}
}

// checkInitialised needs the token's own PINs, and leaves
// nothing on it.
func checkInitialised(t *testing.T, s *station) {
	path, softTable := s.soft(t), documented(t, "softhsm.md")
	serial := s.initialised(t, path, "by hand")
	check := "module check --module-path " + path + " --with-test-keys " + serial + " --pin-file " + s.path("pin")
	table := strings.NewReplacer(
		"enforced  C_InitToken and C_InitPIN by API  the token was initialised and its user PIN set", "not tried  C_InitToken and C_InitPIN by API  on a throw-away token only",
		"missing   SO PIN locks after wrong tries    three wrong SO PINs did not lock it: the SO PIN's 160 bits guard it alone",
		"not tried  SO PIN locks after wrong tries    on a throw-away token only, and when nothing else is wanting",
		"everything that the ceremony needs was tried and held", "everything that was tried held; not tried: C_InitToken and C_InitPIN by API",
		"enforced  ", "enforced   ", "missing   ", "missing    ").Replace(softTable)
	expectResult(t, s.run(t, check+" --so-pin-file "+s.path("so")), result{exitcode.Done, table, ""})
	expectResult(t, s.talk(t, "module check --module-path "+path+" --with-test-keys "+serial+" --so-pin-file "+s.path("so"),
		exchange{`user PIN for token "by hand" (serial ` + serial + `): `, "12345678\n"}), result{exitcode.Done, table, ""})
	table = strings.NewReplacer(
		"enforced   TRUSTED set by the SO             module key, transfer key and KEK made as trusted keys", "not tried  TRUSTED set by the SO             needs an initialised token and its SO PIN",
		"enforced   trusted keys frozen               cannot be read, changed, copied wider, or used but to wrap", "not tried  trusted keys frozen               needs trusted keys",
		"enforced   key wrapped for a KEK             as in a package; opened in software", "not tried  key wrapped for a KEK             needs trusted keys",
		"C_InitPIN by API)", "C_InitPIN by API, TRUSTED set by the SO, trusted keys frozen, key wrapped for a KEK)").Replace(table)
	expectResult(t, s.run(t, check), result{exitcode.Done, table, ""})
	if objects := s.objects(t, path, "by hand", "12345678"); objects != "" {
		t.Errorf("left on the token:\n%s", objects)
	}
}

// initialised makes a token with SoftHSM's own tool: SO PIN and user PIN are in
// the files so and pin. It returns the serial.
func (s *station) initialised(t *testing.T, path, label string) string {
	t.Helper()
	s.file(t, "so", "the old SO PIN\n")
	s.file(t, "pin", "12345678\n")
	out, err := s.command(tool(t, "softhsm2-util", "softhsm2"), "--init-token", "--free", "--label", label, "--so-pin", "the old SO PIN", "--pin", "12345678").CombinedOutput()
	if err != nil {
		t.Fatalf("softhsm2-util: %v\n%s", err, out)
	}
	return s.serial(t, path, label)
}

// serial finds the serial of the token with the label.
func (s *station) serial(t *testing.T, path, label string) string {
	t.Helper()
	for _, line := range strings.Split(s.must(t, "module list --module-path "+path).out, "\n") {
		if _, rest, found := strings.Cut(line, "  "+label+"  "); found {
			return strings.Fields(rest)[0]
		}
	}
	t.Fatalf("no token is labelled %q", label)
	return ""
}

// objects has pkcs11-tool list what a user sees on a token.
func (s *station) objects(t *testing.T, path, label, pin string) string {
	t.Helper()
	cmd := s.command(tool(t, "pkcs11-tool", "opensc"), "--module", path, "--token-label", label, "--login", "--pin", pin, "--list-objects")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pkcs11-tool: %v\n%s", err, out)
	}
	return string(out)
}

func checkRefused(t *testing.T, s *station) {
	path := s.soft(t)
	serial := s.initialised(t, path, "by hand")
	s.file(t, "wrong", "87654321\n")
	const byHand = `token "by hand" (serial %s)`
	for line, want := range map[string]result{
		"module check": {exitcode.Usage, failed, "error: module check needs --module-path\nhint: byok-offline module check --help\n"},
		"module check --module-path " + path + " --pin-file pin": {exitcode.Usage, failed,
			"error: a throw-away token gets PINs of its own: --pin-file and --so-pin-file are for an initialised token\nhint: name that token with --with-test-keys SERIAL\n"},
		"module check --module-path " + path + " --with-test-keys 0123 --pin-file pin": {exitcode.HSM, failed,
			"error: no token with serial 0123 in " + path + "\nhint: connect the HSM that holds this security world, then byok-offline module list --module-path " + path + "\n"},
		"module check --module-path " + path + " --pin-file wrong --with-test-keys " + serial: {exitcode.HSM, failed,
			"error: wrong user PIN for " + fmt.Sprintf(byHand, serial) + " (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more\n"},
		"module check --module-path " + path + " --pin-file pin --so-pin-file wrong --with-test-keys " + serial: {exitcode.HSM, failed,
			"error: wrong SO PIN for " + fmt.Sprintf(byHand, serial) + " (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more\n"},
	} {
		t.Run(line, func(t *testing.T) { expectResult(t, s.run(t, line), want) })
	}
}

// nss prepares NSS softoken and returns the proxy to load. NSS takes its configuration through
// pReserved of C_Initialize, which p11-kit's proxy fills in from a module file.
// p11-kit reads a user's own module files, but not root's: root runs it as nobody.
func (s *station) nss(t *testing.T) string {
	t.Helper()
	proxy, softoken := library(t, "p11-kit-proxy.so", "p11-kit-modules"), library(t, "libsoftokn3.so", "libnss3")
	if os.Getuid() == 0 {
		s.user = &syscall.Credential{Uid: 65534, Gid: 65534}
		s.own(t, s.path("kmdata"))
	}
	for _, name := range []string{"config", "config/pkcs11", "config/pkcs11/modules", "home", "db"} {
		s.folder(t, name)
	}
	s.file(t, "config/pkcs11/pkcs11.conf", "user-config: only\n")
	// One token, not NSS's usual two, which have one serial and could not be told apart.
	s.file(t, "config/pkcs11/modules/nss.module", fmt.Sprintf("module: %s\n"+
		"x-init-reserved: configdir='sql:%[2]s' certPrefix='' keyPrefix='' secmod='' flags= tokens=<2=[configDir='sql:%[2]s' tokenDescription='byok' slotDescription='NSS']>\n", softoken, s.path("db")))
	s.setenv("HOME", s.path("home"))
	s.setenv("XDG_CONFIG_HOME", s.path("config"))
	return proxy
}

func checkNSS(t *testing.T, s *station) {
	path := s.nss(t)
	expectResult(t, s.run(t, "module check --module-path "+path), result{exitcode.HSM, `enforced   mechanisms offered                all that a ceremony needs are offered
missing    C_InitToken and C_InitPIN by API  C_InitToken on slot 17 was accepted, but afterwards no initialised token is labelled "byok-module-check"
not tried  TRUSTED set by the SO             needs an initialised token and its SO PIN
not tried  TRUSTED refused to the user       needs an initialised token
not tried  trusted keys frozen               needs trusted keys
not tried  WRAP_WITH_TRUSTED                 needs an initialised token
not tried  one-way attributes                needs an initialised token
not tried  reduced copy frozen               needs an initialised token
not tried  AES key wrap (RFC 5649)           needs an initialised token
not tried  RSA-OAEP with SHA-1 really used   needs an initialised token
not tried  key wrapped for a KEK             needs trusted keys
not tried  CKM_RSA_AES_KEY_WRAP              needs an initialised token
not tried  SO PIN locks after wrong tries    on a throw-away token only, and when nothing else is wanting
verdict on PKCS#11 Kit Proxy Module 1.1: unusable (missing: C_InitToken and C_InitPIN by API)
Result: FAILURE
`, "error: this module is unusable: missing: C_InitToken and C_InitPIN by API\n" +
		"hint: initialise a token with the vendor's tool, then byok-offline module check --module-path " + path + " --with-test-keys SERIAL --so-pin-file FILE\n"})
	s.certutil(t, "-N")
	pins := " --pin-file " + s.file(t, "pin", "12345678\n") + " --so-pin-file " + s.file(t, "so", "the old SO PIN\n")
	table := documented(t, "nss.md")
	expectResult(t, s.run(t, "module check --with-test-keys 0000000000000000 --module-path "+path+pins), result{exitcode.HSM, table, refusal(table)})
	if left := s.certutil(t, "-K"); !strings.Contains(left, "no keys found") {
		t.Errorf("certutil finds %s", left)
	}
}

// refusal is the error that repeats a table's verdict.
func refusal(table string) string {
	_, verdict, _ := strings.Cut(table, ": unusable (")
	return "error: this module is unusable: " + strings.TrimSuffix(verdict, ")\n"+failed) + "\n"
}

// certutil works on NSS's database, and makes or opens it with the user PIN.
func (s *station) certutil(t *testing.T, args ...string) string {
	t.Helper()
	args = append(args, "-d", "sql:"+s.path("db"), "-f", s.file(t, "password", "12345678\n"))
	out, err := s.command(tool(t, "certutil", "libnss3-tools"), args...).CombinedOutput()
	if err != nil && args[0] != "-K" { // no keys is an error of certutil's
		t.Fatalf("certutil %q: %v\n%s", args, err, out)
	}
	return string(out)
}

const cardsWritten = "card 1 of 3 written and read back: A\ncard 2 of 3 written and read back: B\ncard 3 of 3 written and read back: C\n"

// createOnNSS is refused, on a fresh token and on one that certutil has initialised.
func createOnNSS(t *testing.T, s *station) {
	path := s.nss(t)
	create := s.creation(t, path)
	expectResult(t, s.run(t, create+" --kmdata "+s.folder(t, "fresh")), result{exitcode.HSM, failed, rehearsalWarning + cardsWritten +
		"error: C_InitToken on slot 17 was accepted, but afterwards no initialised token is labelled \"byok\"\n" +
		"hint: use another module; byok-offline module check --module-path " + path + " says what this one lacks\n"})
	s.certutil(t, "-N")
	create = strings.ReplaceAll(create, "/card", "/blank")
	s.cards(t, "", "blank", "A", "B", "C")
	serial := strings.Repeat("0", 16)
	expectResult(t, s.run(t, create+" --adopt --so-pin-file "+s.file(t, "so", "the old SO PIN\n")), result{exitcode.HSM, failed, rehearsalWarning + keepsPIN(serial) +
		"error: " + named(serial) + " has no SO role (CKR_USER_TYPE_INVALID), which is what the cards would guard\n" +
		"hint: byok-offline module check --module-path " + path + " --with-test-keys " + serial + "\n"})
	expectResult(t, s.run(t, create), result{exitcode.Refused, failed,
		rehearsalWarning + "error: label \"byok\" is taken by a token that is initialised (serial " + serial + ")\nhint: choose another one with --label\n"})
	expectStrings(t, slices.Concat(s.files(t, "blank1"), s.files(t, "blank2"), s.files(t, "blank3")))
}

// creation is the command line for a rehearsal world of three cards, with its files.
func (s *station) creation(t *testing.T, path string) string {
	t.Helper()
	return "world create --rehearsal --acs-quorum 2/3 --module-path " + path + " --pin-file " + s.file(t, "pin", "12345678\n") + s.cards(t, "", "card", "A", "B", "C")
}

// cards are the flags of new cards in folders such as card1, for these holders.
func (s *station) cards(t *testing.T, prefix, folder string, holders ...string) (flags string) {
	t.Helper()
	for i, holder := range holders {
		flags += fmt.Sprintf(" --%[1]scard %[2]s --%[1]sholder %[3]s --%[1]scard-pin-file %[4]s", prefix,
			s.folder(t, fmt.Sprint(folder, i+1)), holder, s.file(t, "passphrase"+holder, "passphrase of "+holder+"\n"))
	}
	return flags
}

// tpm2 prepares tpm2-pkcs11 before a software TPM, and returns its library.
// They talk over an AF_UNIX socket, which the program's confinement allows.
func (s *station) tpm2(t *testing.T) string {
	t.Helper()
	path := library(t, "libtpm2_pkcs11.so.1", "libtpm2-pkcs11-1")
	library(t, "libtss2-tcti-swtpm.so.0", "libtss2-tcti-swtpm0")
	socket := s.path("tpm.sock")
	tpm := s.command(tool(t, "swtpm", "swtpm"), "socket", "--tpm2", "--tpmstate", "dir="+s.folder(t, "tpm"), "--flags", "not-need-init,startup-clear",
		"--server", "type=unixio,path="+socket, "--ctrl", "type=unixio,path="+socket+".ctrl") // where the TCTI looks for it
	if err := tpm.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = tpm.Process.Kill()
		_ = tpm.Wait()
	})
	for _, path := range []string{socket, socket + ".ctrl"} {
		waitFor(t, path)
	}
	s.setenv("TPM2_PKCS11_STORE", s.folder(t, "store"))
	s.setenv("TPM2_PKCS11_TCTI", "swtpm:path="+socket)
	return path
}

func waitFor(t *testing.T, path string) {
	t.Helper()
	for range 2000 {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not appear", path)
}

func checkTPM2(t *testing.T, s *station) {
	path := s.tpm2(t)
	table := documented(t, "tpm2.md")
	for _, good := range []string{"initialised and", "initialised by an earlier check, and"} { // it initialises no token twice
		table := strings.Replace(table, "initialised and", good, 1)
		expectResult(t, s.run(t, "module check --module-path "+path), result{exitcode.HSM, table, refusal(table)})
	}
	expectResult(t, s.run(t, s.creation(t, path)), result{exitcode.HSM, failed,
		rehearsalWarning + "error: the token in slot 2 does not offer CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD, which the ceremony needs\nhint: byok-offline module check --module-path " + path + "\n"})
	expectStrings(t, slices.Concat(s.files(t, "card1"), s.files(t, "card2"), s.files(t, "card3")))
}
