package main

import (
	"regexp"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// brokenHSM is a module that promises more than it does, and the line of
// error that the first command to notice ends with.
type brokenHSM struct {
	command, env, line string
}

func brokenHSMs() []brokenHSM {
	const token, no = `token "fault" (serial SERIAL)`, ` does not hold its restrictions: `
	return []brokenHSM{
		{"world create", "SHIM_WEAK=trusted", token + no + "the operator could make a trusted wrapping key without the quorum"},
		{"world create", "SHIM_WEAK=modifiable", token + no + "CKA_UNWRAP of byok-km could be set to true (an operator must not open a backup blob)"},
		{"world create", "SHIM_WEAK=unwrap", token + no + "byok-km unwrapped a blob although CKA_UNWRAP is false"},
		{"world create", "SHIM_WEAK=wrap-with-trusted", token + no + "byok-knso could be wrapped under an AES key that nobody trusted"},
		{"world create", "SHIM_WEAK=sensitive", token + no + "the value of byok-knso could be read"},
		{"world create", "SHIM_WEAK=signature", "KMDATA/local/world: the token's signature does not verify: the signature does not belong to this content and this public key"},
		{"world create", "SHIM_WEAK=public-key", "KMDATA/local/world: the token's signature does not verify: the signature does not belong to this content and this public key"},
		{"world create", "SHIM_REPORT=0x10c=1", token + " shows CKA_DERIVE=true on byok-km, false was asked for (a derived key could be read in parts)"},
		{"world create", "SHIM_OAEP_HASH=0x250", token + " does not use SHA-1 in RSA-OAEP when asked to, which the vault needs"},
		{"world create", "SHIM_HIDE_MECHANISMS=0x210A", "the token in slot 0 does not offer CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD, which the ceremony needs"},
		{"world create", "SHIM_HIDE_FREE=1", "no free slot in LIBRARY: every token there is initialised"},
		{"key generate", "SHIM_WEAK=wrap-with-trusted", token + no + "key_simple_contosokey could be wrapped under an AES key that nobody trusted"},
		{"key generate", "SHIM_WEAK=sensitive", token + no + "the value of key_simple_contosokey could be read"},
		{"acl modify", "SHIM_WEAK=modifiable", token + no + "CKA_ENCRYPT of byok-kek_contosokey could be set to true (for wrapping only)"},
		{"acl modify", "SHIM_WEAK=sign", token + no + "key_xferacld_contosokey signs although CKA_SIGN is false"},
		{"package", "SHIM_WEAK=signature", "the package just made does not verify, nothing was written: KeyTransferPackage-Contoso.manifest.sig: the signature does not belong to this content and this public key"},
	}
}

// TestBrokenHSM runs commands on a module that breaks one promise: each ends
// with one line that says which, and the same command on a module that keeps
// it succeeds afterwards.
func TestBrokenHSM(t *testing.T) {
	r := newRig(t)
	cases := map[string]ceremonyCase{}
	for _, s := range subjects() {
		c := r.prepare(t, s)
		r.undisturbed(t, &c)
		cases[s.name] = c
	}
	for _, b := range brokenHSMs() {
		t.Run(b.command+" "+strings.ReplaceAll(b.env, "=", " "), func(t *testing.T) {
			t.Parallel()
			c := cases[b.command]
			dir := r.copyOf(t, c.dir)
			first := r.run(t, dir, c.subject, b.env)
			status := exitcode.HSM
			if b.command == "package" { // the whole package is checked, by whatever is in it
				status = exitcode.Check
			}
			first.oneClearLine(t, status)
			if got := r.anonymous(dir, first); got != b.line {
				t.Errorf("\n got %s\nwant %s", got, b.line)
			}
			r.endsWell(t, c, dir, first, &tally{})
		})
	}
}

var serialText = regexp.MustCompile(`serial [0-9a-f]{16}`)

// anonymous is the line of error without what differs from run to run.
func (r *rig) anonymous(dir string, o outcome) string {
	line := strings.TrimSuffix(strings.TrimPrefix(strings.Join(o.errors, ""), "byok-offline: error: "), "\n")
	line = strings.NewReplacer(dir+"/kmdata", "KMDATA", r.library, "LIBRARY").Replace(line)
	return serialText.ReplaceAllString(line, "serial SERIAL")
}
