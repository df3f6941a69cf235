package verification_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"byok/internal/approval"
	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/testkit/rig"
	"byok/internal/vault"
)

func TestOne(t *testing.T) {
	s := begin(t)
	stem := s.pack("payroll", "P-256")
	manifest := " --manifest " + stem + ".manifest.json"
	s.expect("one"+manifest, exitcode.Vault, "")
	s.upload(stem)
	if out := s.expect("one"+manifest, exitcode.Done, ""); !strings.Contains(out, "KEY-PROOF") ||
		!strings.HasSuffix(out, "proof  usb/KeyTransferPackage-payroll.proof-X.json\nResult: SUCCESS\n") {
		t.Error(out)
	}
	const already = "mine.json already exists and is never overwritten"
	s.expect("one --proof mine.json --nonce "+strings.Repeat("00", 32)+manifest, exitcode.Done, "")
	s.expect("one --proof mine.json"+manifest, exitcode.Refused, errorLine(already,
		"name another file; without a vault, byok-online verify --proof checks that one again"))
	s.expect("one --name PAYROLL --proof other.json"+manifest, exitcode.Done, "")
	for _, c := range []struct {
		line   string
		status exitcode.Code
		text   string
		hint   string
	}{
		{"one", exitcode.Usage, "verify needs --manifest", "test verify --help"},
		{"one --manifest a.byok", exitcode.Usage, "--manifest a.byok: expected a file KeyTransferPackage-….manifest.json", ""},
		{"one --from usb" + manifest, exitcode.Usage, "--from and --out are for verify --all", ""},
		{"one --nonce 00" + manifest, exitcode.Usage, "--nonce: expected 64 hex digits", ""},
		{"one --name other" + manifest, exitcode.Refused, "--name other: the quorum approved the name payroll",
			"without --name, payroll is verified; other copies of the key are found by its public key"},
		{"one --public-key k.pem" + manifest, exitcode.Usage, "--manifest and --public-key are mutually exclusive", ""},
		{"one --public-key k.pem", exitcode.Usage, "verify needs --name", "test verify --help"},
	} {
		s.expect(c.line, c.status, errorLine(c.text, c.hint))
	}
	s.expect("one --hknso "+strings.Repeat("00", 32)+manifest, exitcode.Check, "")
	s.fails = exitcode.Errorf(exitcode.Vault, "no network")
	s.expect("one"+manifest, exitcode.Vault, errorLine("no network", ""))
	s.expect("one --public-key k.pem --name payroll", exitcode.Vault, errorLine("no network", ""))
}

// TestForeign verifies a key that another vendor's tool has packed, by its public
// key.
func TestForeign(t *testing.T) {
	s := begin(t)
	stem := s.pack("payroll", "P-256")
	s.upload(stem)
	p, err := approval.Read(stem+".byok", everyWorld{})
	rig.OK(t, err)
	s.public = p.Facts().Pair.Public()
	if out := s.expect("one --public-key k.pem --name payroll --proof p.json", exitcode.Done, ""); strings.Contains(out, "KEY-OPS") {
		t.Error(out)
	}
	out := s.expect("recheck --proof p.json --public-key k.pem", exitcode.Done, "")
	if !strings.Contains(out, "compared with  k.pem\n") {
		t.Error(out)
	}
	other, err := keykind.ParsePublicKey(s.publicKeyOf("other"))
	rig.OK(t, err)
	s.public = other
	s.expect("recheck --proof p.json --public-key k.pem", exitcode.Check,
		errorLine("p.json: it is about another public key than the one that was approved", ""))
	s.public = "no key"
	s.expect("recheck --proof p.json --public-key k.pem", exitcode.Failed, "")
	s.fails = exitcode.Errorf(exitcode.Usage, "k.pem: no key")
	s.expect("recheck --proof p.json --public-key k.pem", exitcode.Usage, errorLine("k.pem: no key", ""))
}

// publicKeyOf packs a fresh key, and returns its public half.
func (s *station) publicKeyOf(name string) string {
	s.t.Helper()
	p, err := approval.Read(s.pack(name, "P-256")+".byok", everyWorld{})
	rig.OK(s.t, err)
	return p.Facts().Pair.PublicKey
}

// TestRefusedByARule: what the vault says is another thing than was approved.
func TestRefusedByARule(t *testing.T) {
	s := begin(t)
	stem := s.pack("payroll", "P-256")
	s.upload(stem)
	faults := func(list ...string) {
		t.Helper()
		_, err := s.Open.SetFaults(context.Background(), list...)
		rig.OK(t, err)
	}
	faults("forbidden=role,on=list,times=always")
	_, _, stderr := s.run("one --proof a.json --manifest " + stem + ".manifest.json")
	if stderr != "test: warning: KEY-COPIES was not checked: the account may not list the vault's keys\n" {
		t.Error(stderr)
	}
	_, _, stderr = s.run("all --out proofs")
	if !strings.Contains(stderr, "test: warning: payroll in URL: KEY-COPIES was not checked: the account may not") {
		t.Error(stderr)
	}
	faults()
	k, err := s.Client.Key(context.Background(), "payroll", "")
	rig.OK(t, err)
	p, err := approval.Read(stem+".byok", everyWorld{})
	rig.OK(t, err)
	expected, err := vault.ExpectedOf(p.Facts())
	rig.OK(t, err)
	_, err = s.Client.Import(context.Background(), vault.Import{
		Expected: expected, Name: "shadow", Ops: k.Ops, Blob: p.Blob(),
	})
	rig.OK(t, err)
	out := s.expect("one --proof b.json --manifest "+stem+".manifest.json", exitcode.Check, "")
	if !strings.Contains(out, "FAIL  KEY-COPIES") || !strings.HasSuffix(out, "Result: FAILURE\n") {
		t.Error(out)
	}
	if _, err := os.Stat("b.json"); err == nil {
		t.Error("a proof was written")
	}
}

// TestRecheck checks proofs again, without a vault.
func TestRecheck(t *testing.T) {
	s := begin(t)
	signs, secret := s.pack("payroll", "P-256"), s.pack("wages", "AES")
	for _, stem := range []string{signs, secret} {
		s.upload(stem)
		s.expect("one --manifest "+stem+".manifest.json --proof "+stem+".proof-1.json", exitcode.Done, "")
	}
	s.fails = exitcode.Errorf(exitcode.Vault, "a vault was asked")
	out := s.expect("recheck --proof "+signs+".proof-1.json", exitcode.Done, "")
	if !strings.Contains(out, "compared with  "+signs+".manifest.json\n") || !strings.Contains(out, "signature      holds, with ES256\n") {
		t.Error(out)
	}
	s.expect("recheck --proof "+secret+".proof-1.json", exitcode.Done,
		"test: warning: "+secret+".proof-1.json holds no signature: for encrypt the proof is the word of whoever ran this program\n")
	data, err := os.ReadFile(signs + ".proof-1.json")
	rig.OK(t, err)
	rig.OK(t, os.WriteFile("alone.json", data, 0o644))
	rig.OK(t, os.WriteFile("alone.proof-1.json", data, 0o644))
	alone := func(file string) string {
		return "test: warning: " + file + " was not compared with what a quorum approved: its own public key proves nothing " +
			"of whose it is\ntest: hint: --manifest KeyTransferPackage-….manifest.json, or --public-key PEM\n"
	}
	s.expect("recheck --proof alone.json", exitcode.Done, alone("alone.json"))
	s.expect("recheck --proof alone.proof-1.json", exitcode.Done, alone("alone.proof-1.json"))
	for _, c := range []struct {
		line   string
		status exitcode.Code
		text   string
		hint   string
	}{
		{"recheck --proof none.json", exitcode.Usage, "none.json: no such file",
			"to have a vault give a proof, name the vault too: --vault URL, or --rehearsal DIR"},
		{"recheck --proof usb", exitcode.Usage, "usb: a folder, not a file", ""},
		{"recheck --proof " + signs + ".manifest.json", exitcode.Usage,
			signs + `.manifest.json: type is "byok-transfer-manifest", expected "byok-proof"`, ""},
		{"recheck --proof alone.json --manifest x", exitcode.Usage,
			"--manifest x: expected a file KeyTransferPackage-….manifest.json", ""},
		{"recheck --proof alone.json --manifest " + secret + ".manifest.json", exitcode.Check,
			"alone.json: it is about URL/keys/payroll/X, and wages in URL was approved", ""},
	} {
		s.expect(c.line, c.status, errorLine(c.text, c.hint))
	}
	if status, _, _ := s.run("recheck --proof alone.json --manifest none.manifest.json"); status != int(exitcode.Usage) {
		t.Errorf("status %d", status)
	}
	if status, _, _ := s.run("recheck --proof alone.json --hknso zz --manifest " + signs + ".manifest.json"); status != int(exitcode.Usage) {
		t.Errorf("status %d", status)
	}
}
