package quorum

import (
	"encoding/hex"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// vector is a row of testdata/derivation.json. Length is that of a PIN in
// characters; a key is given in hex.
type vector struct {
	WorldSecret string          `json:"world_secret"`
	HKNSO       fingerprint.Sum `json:"hknso"`
	Set         int             `json:"set"`
	Module      string          `json:"module"`
	Purpose     Purpose         `json:"purpose"`
	Length      int             `json:"length"`
	Result      string          `json:"result"`
}

func vectors(t *testing.T) (all []vector) {
	t.Helper()
	if err := strictjson.Unmarshal("derivation.json", read(t, "testdata/derivation.json"), 1<<16, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != 4*len(uses) {
		t.Fatalf("%d vectors, not %d", len(all), 4*len(uses))
	}
	return all
}

func (v vector) String() string { return fmt.Sprintf("%s of set %d", v.Purpose, v.Set) }

func (v vector) secret(t *testing.T) *Secret {
	t.Helper()
	raw, err := hex.DecodeString(v.WorldSecret)
	if err != nil {
		t.Fatal(err)
	}
	return &Secret{secret.Take(raw)}
}

// derive returns the key in hex, or the PIN's text.
func (v vector) derive(s *Secret) (string, error) {
	c := Context{HKNSO: v.HKNSO, Set: v.Set, Module: v.Module}
	if v.Length > 0 {
		pin, err := s.PIN(c, v.Purpose, v.Length)
		return string(pin.Reveal()), err
	}
	key, err := s.Key(c, v.Purpose)
	return hex.EncodeToString(key.Reveal()), err
}

func TestDerivation(t *testing.T) {
	for _, v := range vectors(t) {
		s := v.secret(t)
		if got, err := v.derive(s); err != nil || got != v.Result {
			t.Errorf("%v: %s, %v", v, got, err)
		}
		s.Wipe()
	}
}

// TestDerivationByOpenssl has openssl compute HKDF over the info string as the
// documentation gives it.
func TestDerivationByOpenssl(t *testing.T) {
	for _, v := range vectors(t) {
		if v.Length > 0 {
			continue // base32 of the same bytes, see TestDerivationByRecoverPy
		}
		info := fmt.Sprintf(`["%s","%s",%d,"%s"]`, v.Purpose, v.HKNSO, v.Set, v.Module)
		out := run(t, nil, "openssl", "kdf", "-keylen", "32", "-kdfopt", "digest:SHA256",
			"-kdfopt", "hexkey:"+v.WorldSecret, "-kdfopt", "hexinfo:"+hex.EncodeToString([]byte(info)), "HKDF")
		if got := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(out), ":", "")); got != v.Result {
			t.Errorf("%v: openssl derives %s", v, got)
		}
	}
}

// TestDerivationByRecoverPy gives it worlds of one card, whose share is the
// secret itself. Vectors with the same secret stand together.
func TestDerivationByRecoverPy(t *testing.T) {
	one := issue(t, Quorum{1, 1}).Cards[0]
	var printed, module string
	for i, v := range vectors(t) {
		if i%len(uses) == 0 {
			s := v.secret(t)
			one.HKNSO, one.Set, one.Share, module = v.HKNSO, v.Set, s.scalar, v.Module
			printed = recoverPy(t, temporary(t, encoded(t, one)), module)
			s.Wipe()
		}
		if v.HKNSO != one.HKNSO || v.Set != one.Set || v.Module != "" && v.Module != module {
			t.Fatalf("%v is out of place", v)
		}
		got := recoveredValue(t, printed, strings.TrimSpace(string(v.Purpose)+" "+v.Module))
		if v.Length > 0 {
			got = got[:v.Length]
		}
		if got != v.Result {
			t.Errorf("%v: recover.py derives %s", v, got)
		}
	}
}

// recoveredValue picks a line of what recover.py prints.
func recoveredValue(t *testing.T, text, name string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if key, value, _ := strings.Cut(line, ":"); key == name {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("recover.py does not print %q:\n%s", name, text)
	return ""
}

// TestEverythingDiffers derives everything in contexts that differ in one part.
func TestEverythingDiffers(t *testing.T) {
	s := fixedSecret(t)
	base := fixedWorld(t).Context()
	contexts := []Context{
		base,
		{HKNSO: testKNSO, Set: base.Set},
		{HKNSO: base.HKNSO, Set: base.Set + 1},
	}
	seen := map[string]string{}
	for _, c := range contexts {
		for _, u := range uses {
			modules := []string{""}
			if u.module {
				modules = []string{testModule, strings.Repeat("0", 32)}
			}
			for _, m := range modules {
				v := vector{HKNSO: c.HKNSO, Set: c.Set, Module: m, Purpose: u.purpose}
				if u.makes == makesPIN {
					v.Length = MinPIN
				}
				got, err := v.derive(s)
				if err != nil {
					t.Fatal(err)
				}
				if first, double := seen[got]; double {
					t.Errorf("%v and %s are equal", v, first)
				}
				seen[got] = v.String()
			}
		}
	}
	if want := 3 * (4*2 + 2); len(seen) != want {
		t.Errorf("%d values, not %d", len(seen), want)
	}
}

func TestPINLengths(t *testing.T) {
	s := fixedSecret(t)
	c := fixedWorld(t).Context().For(testModule)
	longest, err := s.PIN(c, PurposeSOPIN, MaxPIN)
	if err != nil {
		t.Fatal(err)
	}
	for n := MinPIN; n <= MaxPIN; n++ {
		pin, err := s.PIN(c, PurposeSOPIN, n)
		if err != nil || pin.Text() != longest.Text()[:n] {
			t.Errorf("%d characters: %q, %v", n, pin.Reveal(), err)
		}
	}
	if odd := strings.Trim(longest.Text(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"); odd != "" {
		t.Errorf("the PIN holds %q", odd)
	}
}

func TestPINBits(t *testing.T) {
	for _, c := range []struct {
		length, bits int
		weak         bool
	}{{8, 40, true}, {15, 75, true}, {16, 80, false}, {40, 200, false}} {
		if got := PINBits(c.length); got != c.bits || got < WeakPIN != c.weak {
			t.Errorf("%d characters: %d bits", c.length, got)
		}
	}
}

func TestDeriveRefuses(t *testing.T) {
	good := fixedWorld(t).Context()
	module := good.For(testModule)
	for _, c := range []struct {
		name    string
		context Context
		purpose Purpose
		length  int
		want    string
	}{
		{"unknown purpose", good, "module-key", 0, `purpose "module-key" is not in the table of purposes`},
		{"no purpose", good, "", 32, `purpose "" is not in the table of purposes`},
		{"key as PIN", good, PurposeSealKNSO, 32, "purpose seal-knso makes a key, not a PIN"},
		{"PIN as key", module, PurposeSOPIN, 0, "purpose so-pin makes a PIN, not a key"},
		{"no hknso", Context{Set: 1}, PurposeSealKM, 0, "purpose seal-km: the context names no card set"},
		{"no set", Context{HKNSO: testKNSO}, PurposeSealKM, 0, "purpose seal-km: the context names no card set"},
		{"no module", good, PurposeSealSOPIN, 0, "purpose seal-so-pin: the context names no module of 32 hex digits"},
		{"module in capitals", good.For(strings.ToUpper(testModule)), PurposeUserPIN, 32,
			"purpose user-pin: the context names no module of 32 hex digits"},
		{"module too long", good.For(testModule + "0"), PurposeUserPIN, 32,
			"purpose user-pin: the context names no module of 32 hex digits"},
		{"a quote in it", good.For(testModule[:31] + `"`), PurposeSealUserPIN, 0,
			"purpose seal-user-pin: the context names no module of 32 hex digits"},
		{"a module too many", module, PurposeSealKNSO, 0, "purpose seal-knso: the context names a module"},
		{"short PIN", module, PurposeSOPIN, 7, "purpose so-pin: a PIN has 8 to 40 characters, not 7"},
		{"long PIN", module, PurposeSOPIN, 41, "purpose so-pin: a PIN has 8 to 40 characters, not 41"},
	} {
		var err error
		if c.length > 0 {
			_, err = fixedSecret(t).PIN(c.context, c.purpose, c.length)
		} else {
			_, err = fixedSecret(t).Key(c.context, c.purpose)
		}
		expect(t, c.name, err, failure{c.want, exitcode.Failed, ""})
	}
}

func TestNothingComesOfAWipedSecret(t *testing.T) {
	s := fixedSecret(t)
	s.Wipe()
	c := fixedWorld(t).Context()
	want := failure{"the world secret has been wiped", exitcode.Failed, ""}
	_, err := s.Key(c, PurposeSealKM)
	expect(t, "key", err, want)
	_, err = s.PIN(c.For(testModule), PurposeSOPIN, MaxPIN)
	expect(t, "PIN", err, want)
	_, err = Seal(s, c, PurposeSealKM, pass("KM"))
	expect(t, "seal", err, want)
	_, err = Unseal(s, c, PurposeSealKM, "AA==")
	expect(t, "unseal", err, want)
}

// TestRecombination has recover.py rebuild secrets of new sets.
func TestRecombination(t *testing.T) {
	for _, q := range []Quorum{{2, 2}, {3, 5}, {5, 8}, {64, 64}} {
		made := issue(t, q)
		var files []string
		for _, c := range made.Cards[q.N-q.K:] {
			files = append(files, temporary(t, encoded(t, c)))
		}
		got := recoveredValue(t, recoverPy(t, files...), "world-secret")
		if want := hex.EncodeToString(made.Secret.scalar.Reveal()); got != want {
			t.Errorf("%s: recover.py rebuilds %s, want %s", q, got, want)
		}
	}
}

// TestFixedWorldByRecoverPy is the recovery by hand of a world that stays as it is.
func TestFixedWorldByRecoverPy(t *testing.T) {
	want := string(read(t, "testdata/world/recovered.txt"))
	for _, pair := range [][2]int{{1, 2}, {2, 3}, {3, 1}} {
		var args []string
		for _, n := range pair {
			args = append(args, "testdata/world/card"+strconv.Itoa(n)+".json")
		}
		if got := recoverPy(t, append(args, testModule)...); got != want {
			t.Errorf("cards %v: recover.py says\n%swant\n%s", pair, got, want)
		}
	}
	if got := hex.EncodeToString(fixedSecret(t).scalar.Reveal()); got != recoveredValue(t, want, "world-secret") {
		t.Errorf("this package rebuilds %s", got)
	}
}

func TestRecoverPyRefuses(t *testing.T) {
	made := issue(t, Quorum{2, 3})
	file := func(c Card) string { return temporary(t, encoded(t, c)) }
	other := copyOf(made.Cards[1])
	other.HKNSO = fixedWorld(t).HKNSO
	for _, c := range []struct {
		name  string
		files []string
		want  string
	}{
		{"too few", []string{file(made.Cards[0])}, "1 different cards, 2 are needed\n"},
		{"the same", []string{file(made.Cards[0]), file(made.Cards[0])}, "1 different cards, 2 are needed\n"},
		{"another world", []string{file(made.Cards[0]), file(other)},
			"the cards are not all of one world and one card set\n"},
	} {
		var stderr strings.Builder
		cmd := exec.Command("python3", append([]string{"../../docs/recover.py"}, c.files...)...)
		cmd.Stderr = &stderr
		if err := cmd.Run(); err == nil || stderr.String() != c.want {
			t.Errorf("%s: %v, %q", c.name, err, stderr.String())
		}
	}
}
