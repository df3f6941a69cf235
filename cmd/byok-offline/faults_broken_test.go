package main

import (
	"regexp"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// brokenHSM is a module that promises more than it does, and the line of
// error that the first command to notice ends with.
type brokenHSM struct{ command, env, line string }

func brokenHSMs() []brokenHSM {
	const token = `token "stage" (serial SERIAL)`
	const no = token + " does not enforce its restrictions: "
	const otherKML = "byok-kml-ID on " + token + " is not the key that its public key describes"
	return []brokenHSM{
		{"world create", "SHIM_WEAK=trusted", "the user makes no trusted key: " + no +
			"the user can make an AES key trusted with C_CreateObject, as a session object"},
		{"world create", "SHIM_WEAK=modifiable", "KM is frozen: " + no +
			"CKA_ENCRYPT of KM can be set to true (for wrapping only)"},
		{"world create", "SHIM_WEAK=unwrap", "KW is frozen: " + no + "KW unwraps what it has wrapped"},
		{"world create", "SHIM_WEAK=public-key", token + " shows another public key for KM than it was given"},
		{"world create", "SHIM_REPORT=0x10c=1", token +
			" shows CKA_DERIVE=true on KW instead of false (a derived key could be read in parts)"},
		{"world create", "SHIM_HIDE_MECHANISMS=0x210A",
			"the token in slot 0 does not offer CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD, which the ceremony needs"},
		{"world create", "SHIM_HIDE_FREE=1", "no token in LIBRARY"},
		{"key generate", "SHIM_WEAK=wrap-with-trusted", no +
			"key_simple_contosokey can be wrapped with CKM_AES_KEY_WRAP under an AES key that is not trusted"},
		{"key generate", "SHIM_WEAK=sensitive", no + "the value of key_simple_contosokey can be read"},
		{"key generate", "SHIM_WEAK=signature", otherKML},
		{"acl modify", "SHIM_WEAK=signature", otherKML},
		{"package", "SHIM_WEAK=signature", otherKML},
		{"package", "SHIM_WEAK=public-key",
			"SoftHSM project SoftHSM v2, serial SERIAL: the token's KML is not the one that statement 2 certifies"},
	}
}

// TestBrokenHSM runs commands on a module that breaks one promise: each ends
// with one line that says which, and the same command on a module that keeps
// it succeeds afterwards.
func TestBrokenHSM(t *testing.T) {
	r, trials := newRepertoire(t), map[string]*trial{}
	for _, s := range subjects() {
		for _, b := range brokenHSMs() {
			if b.command == s.name && trials[s.name] == nil {
				trials[s.name] = newTrial(t, r, s)
			}
		}
	}
	for _, b := range brokenHSMs() {
		t.Run(b.command+" "+strings.ReplaceAll(b.env, "=", " "), func(t *testing.T) {
			t.Parallel()
			c := trials[b.command]
			on := c.stage.copied(t)
			first := on.run(t, c.line, "BYOK_"+b.env)
			first.oneClearLine(t, first.status)
			if got := on.anonymous(first); got != b.line || first.status == exitcode.Done {
				t.Errorf("status %d\n got %s\nwant %s", first.status, got, b.line)
			}
			c.endsWell(t, on, first, &tally{})
		})
	}
}

var (
	serialText = regexp.MustCompile(`serial [0-9a-f]{16}`)
	moduleText = regexp.MustCompile(`byok-kml-[0-9a-f]{32}`)
)

// anonymous is the line of error without what differs from run to run.
func (s *stage) anonymous(o ending) string {
	line := strings.TrimSuffix(strings.TrimPrefix(strings.Join(o.errors, ""), "byok-offline: error: "), "\n")
	line = strings.NewReplacer(s.path("kmdata"), "KMDATA", s.library, "LIBRARY").Replace(line)
	line = moduleText.ReplaceAllString(line, "byok-kml-ID")
	return serialText.ReplaceAllString(line, "serial SERIAL")
}
