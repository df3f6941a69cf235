package quorum

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// TestFixedSealOpens opens KNSO of testdata/world, which openssl has sealed:
// here, and by hand with what recover.py prints.
func TestFixedSealOpens(t *testing.T) {
	set := fixedWorld(t)
	sealed := strings.TrimSpace(string(read(t, "testdata/world/knso.sealed")))
	opened, err := Unseal(fixedSecret(t), set.Context(), PurposeSealKNSO, sealed)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Wipe()
	wrapped, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	key := recoveredValue(t, string(read(t, "testdata/world/recovered.txt")), "seal-knso")
	byHand := run(t, wrapped, "openssl", "enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6", "-K", key)
	if byHand != opened.Text() {
		t.Error("openssl opens another key")
	}
	spki := run(t, opened.Reveal(), "openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER")
	if got := fingerprint.Of([]byte(spki)); got != set.HKNSO {
		t.Errorf("the KNSO that was opened has hknso %s", got)
	}
}

// TestOpensslOpensASeal is what the documentation promises of every purpose.
func TestOpensslOpensASeal(t *testing.T) {
	s := fixedSecret(t)
	for _, u := range uses {
		if u.makes != makesKey {
			continue
		}
		c := fixedWorld(t).Context()
		if u.module {
			c = c.For(testModule)
		}
		plain := fmt.Sprintf("what %s seals", u.purpose)
		sealed, err := Seal(s, c, u.purpose, pass(plain))
		if err != nil {
			t.Fatal(err)
		}
		key, err := s.Key(c, u.purpose)
		if err != nil {
			t.Fatal(err)
		}
		wrapped, err := base64.StdEncoding.DecodeString(sealed)
		if err != nil {
			t.Fatal(err)
		}
		got := run(t, wrapped, "openssl", "enc", "-d", "-id-aes256-wrap-pad", "-iv", "A65959A6",
			"-K", hex.EncodeToString(key.Reveal()))
		if got != plain {
			t.Errorf("%s: openssl opens %q", u.purpose, got)
		}
		back, err := Unseal(s, c, u.purpose, sealed)
		if err != nil || back.Text() != plain {
			t.Errorf("%s: %q, %v", u.purpose, back.Reveal(), err)
		}
	}
}

// TestASealOpensInItsContextOnly moves a sealed blob to every other place.
func TestASealOpensInItsContextOnly(t *testing.T) {
	s, base := fixedSecret(t), fixedWorld(t).Context()
	module := base.For(testModule)
	sealed, err := Seal(s, module, PurposeSealSOPIN, pass("12345678"))
	if err != nil {
		t.Fatal(err)
	}
	other := issue(t, Quorum{1, 1}).Secret
	for _, c := range []struct {
		name    string
		secret  *Secret
		context Context
		purpose Purpose
		what    string
	}{
		{"other cards", other, module, PurposeSealSOPIN, "the SO PIN"},
		{"other module", s, base.For(strings.Repeat("0", 32)), PurposeSealSOPIN, "the SO PIN"},
		{"other set", s, Context{HKNSO: base.HKNSO, Set: 2}.For(testModule), PurposeSealSOPIN, "the SO PIN"},
		{"other world", s, Context{HKNSO: testKNSO, Set: 1}.For(testModule), PurposeSealSOPIN, "the SO PIN"},
		{"user PIN", s, module, PurposeSealUserPIN, "the user PIN"},
		{"KNSO", s, base, PurposeSealKNSO, "KNSO's private half"},
		{"KM", s, base, PurposeSealKM, "KM's private half"},
	} {
		_, err := Unseal(c.secret, c.context, c.purpose, sealed)
		expect(t, c.name, err, failure{fmt.Sprintf("the seal on %s does not open with the cards of set %d, hknso %.8s: "+
			"the wrapped bytes fail their integrity check", c.what, c.context.Set, c.context.HKNSO), exitcode.Check, hintCopy})
	}
}

func TestUnsealRefuses(t *testing.T) {
	s, c := fixedSecret(t), fixedWorld(t).Context()
	good := strings.TrimSpace(string(read(t, "testdata/world/knso.sealed")))
	notBase64 := failure{"the seal on KNSO's private half is not base64", exitcode.Usage, hintCopy}
	closed := failure{fmt.Sprintf("the seal on KNSO's private half does not open with the cards of set 1, hknso %.8s: "+
		"the wrapped bytes fail their integrity check", c.HKNSO), exitcode.Check, hintCopy}
	flipped, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	flipped = bytes.Clone(flipped)
	flipped[len(flipped)/2] ^= 1
	for _, row := range []struct {
		name, sealed string
		want         failure
	}{
		{"line end", good + "\n", notBase64},
		{"line end inside", good[:8] + "\n" + good[8:], notBase64},
		{"no padding", strings.TrimRight(good, "="), notBase64},
		{"URL alphabet", "-_" + good[2:], notBase64},
		{"empty", "", closed},
		{"cut", good[:64], closed},
		{"bit flipped", base64.StdEncoding.EncodeToString(flipped), closed},
	} {
		_, err := Unseal(s, c, PurposeSealKNSO, row.sealed)
		expect(t, row.name, err, row.want)
	}
}

func TestSealRefuses(t *testing.T) {
	s, c := fixedSecret(t), fixedWorld(t).Context()
	_, err := Seal(s, c, PurposeSealKM, pass(""))
	expect(t, "nothing", err, failure{"AES key wrap with padding takes 1 to 65536 bytes, not 0", exitcode.Failed, ""})
	_, err = Seal(s, c.For(testModule), PurposeSOPIN, pass("KM"))
	expect(t, "PIN purpose", err, failure{"purpose so-pin makes a PIN, not a key", exitcode.Failed, ""})
}
