package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/testkit/softhsm"
)

func TestHostileLibrary(t *testing.T) {
	withTheLibrary().try(t)
	t.Run("another configuration", redirecting)
	t.Run("pkcs11-spy", spying)
	t.Run("pkcs11-spy as a new module", spyingAsNew)
}

// withTheLibrary is what becomes of a library, or of what steers it, that the
// quorum did not accept.
func withTheLibrary() deeds {
	return deeds{heading: "The HSM's library", who: "whoever supplies the library, or runs the program", list: in(onAnyToken, []deed{
		{name: "the library changed by a byte", state: generated, do: patchedLibrary, then: thenCheck + withPatched,
			want: "6: PKCS#11 library patched.so is not the one that the card holders accepted: library was …, is …; " +
				"library path was LIBRARY, is patched.so"},
		{name: "the library changed by a byte", state: generated, do: patchedLibrary, then: thenSeal + withPatched,
			want: "6: PKCS#11 library patched.so is not the one that the card holders accepted: library was …, is …; " +
				"library path was LIBRARY, is patched.so"},
		{name: "a changed library that is to be accepted, under the words of the genuine one", state: generated,
			do: patchedLibrary,
			then: "module accept" + theQuorum + withPatched + " --library-sha256 " + strings.Repeat("0",
				64), want: "3: PKCS#11 library patched.so: its SHA-256 is not the one that was given"},
		{name: "the token replaced by another of the same label", state: generated, do: otherToken, then: thenCheck,
			want: "4: no module of this world is in LIBRARY"},
		{name: "the token replaced by another of the same label", state: generated, do: otherToken, then: thenSeal,
			want: "4: no module of this world is in LIBRARY"},
	}...)}
}

const withPatched = " --module-path patched.so"

// patchedLibrary is the world's library with a byte more.
func patchedLibrary(t *testing.T, s *stage) {
	data := mustDo(os.ReadFile(s.library))(t)
	if err := os.WriteFile(s.path("patched.so"), append(data, 0), 0o700); err != nil {
		t.Fatal(err)
	}
}

// redirecting: the genuine library, and a configuration that leads it to other
// tokens.
func redirecting(t *testing.T) {
	s := kept(t, "").in(t, filepath.Join(t.TempDir(), "stage"))
	s.library = mustDo(softhsm.Library())(t)
	create := strings.Replace(reachOf(t, created).lines[0], "SHIM", s.library, 1)
	if out := s.patiently(t, create); out.status != exitcode.Done {
		t.Fatalf("%s", out.text)
	}
	s.must(t, thenCheck)
	path := s.path(".config/softhsm2/softhsm2.conf")
	was := mustDo(os.ReadFile(path))(t)
	mustWrite(t, path, append(was, "slots.removable = false\n"...))
	for _, line := range []string{thenCheck, thenSeal} {
		out := s.run(t, line)
		if got := s.answers(out, ""); !strings.Contains(got,
			"configuration file .config/softhsm2/softhsm2.conf was …, is …") || out.status != exitcode.Refused {
			t.Errorf("%s: %s\n%s", line, got, out.text)
		}
	}
	mustWrite(t, path, was)
	mustWrite(t, s.path("own.conf"), was)
	out := s.run(t, thenSeal, "SOFTHSM2_CONF="+s.path("own.conf"))
	if got := s.answers(out, ""); !strings.Contains(got,
		"environment variable SOFTHSM2_CONF was none, is own.conf") || out.status != exitcode.Refused {
		t.Errorf("%s\n%s", got, out.text)
	}
}

func otherToken(t *testing.T, s *stage) {
	s.blankToken(t)
	s.foreignToken(t)
	s.onToken(t, func(p *pkcs11.Ctx) {
		a := &attacker{s: s, p: p}
		a.findTokens(t)
		a.h = mustDo(p.OpenSession(a.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))(t)
		a.must(t, p.Login(a.h, pkcs11.CKU_SO, "so-"+stagePIN))
		a.must(t, p.InitPIN(a.h, stagePIN))
	})
}

// spying gives every command that reads cards, and some that do not, the
// library that writes every PIN to a file. Where it is loaded, it does.
func spying(t *testing.T) {
	spy := library(t, "pkcs11-spy.so", "opensc")
	s := inState(t, generated)
	record := s.path("spied")
	through := []string{"PKCS11SPY=" + mustDo(softhsm.Library())(t), "PKCS11SPY_OUTPUT=" + record}
	lines := []string{thenCheck, thenAlone, "ceremony seal" + withPINs,
		"world change-pin --new-pin-file secrets/newpin" + withPINs}
	for _, line := range everyQuorum() {
		if !strings.HasPrefix(line, "world recover") && !strings.HasPrefix(line, "module accept") {
			lines = append(lines, line+flagsOf("", oldCards))
		}
	}
	for _, line := range lines {
		out := s.run(t, s.filled(t, line)+" --module-path "+spy, through...)
		if out.status != exitcode.Refused || !strings.Contains(s.plain(out.text),
			"pkcs11-spy.so is not the one that the card holders accepted") {
			t.Errorf("%s: status %d\n%s", line, out.status, out.text)
		}
		if _, err := os.Stat(record); err == nil {
			t.Fatalf("%s: the spy was loaded", line)
		}
	}
	cmd := exec.Command(tool(t, "pkcs11-tool", "opensc"), "--module", spy, "--login", "--pin", stagePIN,
		"--list-objects")
	cmd.Env = append(through, "HOME="+s.dir)
	out, err := cmd.CombinedOutput()
	if data, _ := os.ReadFile(record); err != nil || !strings.Contains(string(data), stagePIN[:4]) {
		t.Errorf("control: where the spy is loaded it writes no PIN: %v\n%s\n%s", err, out, data)
	}
}

// spyingAsNew: what is to be accepted is shown before it is loaded, and held to
// the words from the vendor's release.
func spyingAsNew(t *testing.T) {
	spy := library(t, "pkcs11-spy.so", "opensc")
	for _, line := range everyQuorum() {
		if !strings.HasPrefix(line, "world recover") && !strings.HasPrefix(line, "module accept") {
			continue
		}
		s := inState(t, generated)
		record := s.path("spied")
		genuine := strings.Fields(s.run(t, "fingerprint "+mustDo(softhsm.Library())(t)).text)
		line = strings.Replace(line, "SHIM", spy, 1) + flagsOf("", oldCards) + " --library-sha256 " + hexIn(t, genuine)
		out := s.run(t, s.filled(t, line), "PKCS11SPY="+mustDo(softhsm.Library())(t), "PKCS11SPY_OUTPUT="+record)
		if out.status != exitcode.Check || !strings.Contains(out.text, "its SHA-256 is not the one that was given") {
			t.Errorf("%s: status %d\n%s", line, out.status, out.text)
		}
		if _, err := os.Stat(record); err == nil {
			t.Errorf("%s: the spy was loaded", line)
		}
	}
}

// hexIn joins the first eight groups of hex digits.
func hexIn(t testing.TB, words []string) (text string) {
	t.Helper()
	for _, w := range words {
		if len(w) == 8 && strings.Trim(w, "0123456789abcdef") == "" {
			text += w
		}
	}
	if len(text) < 64 {
		t.Fatalf("no SHA-256 in %q", words)
	}
	return text[:64]
}
