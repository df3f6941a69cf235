package main

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/testkit/hostile"
)

// TestWhatALibrarySays: what a library says of itself, of its slots, its tokens
// and their objects is printed, and steers nothing. A token has room for 16
// bytes, so that the hostile text comes in pieces.
func TestWhatALibrarySays(t *testing.T) {
	s := inState(t, modified)
	s.besiege(t, func(a *attacker) {
		for _, label := range []string{hostile.Text, "byok-km-" + hostile.Text, "\nResult: FORGED"} {
			_, err := a.p.CreateObject(a.h, []*pkcs11.Attribute{
				attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_DATA)), attr(pkcs11.CKA_TOKEN, true),
				attr(pkcs11.CKA_LABEL, label), attr(pkcs11.CKA_APPLICATION, label), attr(pkcs11.CKA_VALUE, []byte(label)),
			})
			a.must(t, err)
			a.lookAlike(t, label, []byte(label))
		}
	})
	tried, harmless := 0, 0
	try := func(line string, env ...string) {
		tried++
		if hostile.Check(t, line, s.run(t, line, env...).text) {
			harmless++
		}
	}
	lines := []string{"module list", "world create --module-path SHIM --kmdata other" + dealing + flagsOf("", "card3"), thenCheck,
		thenSeal, thenModify, "module accept --module-path SHIM" + theQuorum}
	for _, line := range []string{"module list", thenCheck, thenCheck + " --output json", thenModify} {
		try(line)
	}
	said := s.run(t, "module list", "BYOK_SHIM_SAYS="+hex.EncodeToString([]byte("x\x1b[2J"))).text
	if strings.Count(said, `x\x1b[2J`) < 4 { // description, label, serial and model
		t.Fatalf("the library says nothing hostile:\n%s", said)
	}
	const room = 15
	text := []byte(hostile.Text)
	for len(text) > 0 {
		n := min(room, len(text))
		says := "BYOK_SHIM_SAYS=" + hex.EncodeToString(text[:n])
		text = text[n:]
		for i, line := range lines {
			if i%2 == 0 {
				line += " --output json"
			}
			try(line, says)
		}
		try("module list", says)
	}
	try("module check --module-path SHIM", "BYOK_SHIM_SAYS="+hex.EncodeToString([]byte("\nResult: FORGED")))
	t.Logf("texts of a library and a token, printed harmlessly: %d of %d", harmless, tried)
}
