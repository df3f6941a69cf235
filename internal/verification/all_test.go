package verification_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/testkit/rig"
	"byok/internal/worlds"
)

// TestAll: everything that the log says was uploaded, or that lies in folders.
func TestAll(t *testing.T) {
	s := begin(t)
	const from = "--from DIR of the packages: the USB stick's, or a bundle"
	s.expect("all", exitcode.Usage, errorLine("this workstation's record has no upload of a package", from))
	for name, kind := range map[string]string{"payroll": "P-256", "wages": "AES"} {
		s.upload(s.pack(name, kind))
	}
	out := s.expect("all", exitcode.Done,
		"test: hint: byok-online kek delete --vault URL --name KEKforBYOK\n")
	if !strings.Contains(out, "\n2 proved, 0 failed\nResult: SUCCESS\n") {
		t.Error(out)
	}
	_, _, stderr := s.run("all --rehearsal other --rehearsal " + s.Dir + " --from usb --out proofs")
	if !strings.HasSuffix(stderr, "test: hint: byok-online kek delete --rehearsal "+s.Dir+" --name KEKforBYOK\n") {
		t.Error(stderr)
	}
	// In the same second, a proof of the same name gets a number
	for range 3 {
		s.expect("all --from usb --out many", exitcode.Done, "")
	}
	if files, _ := filepath.Glob("many/*.json"); len(files) != 6 {
		t.Errorf("%v", files)
	}
	log, err := ceremony.Read(s.kmdata)
	rig.OK(t, err)
	last := log.Events[len(log.Events)-1]
	if len(last.Inputs) < 2 || len(last.Outputs) != 2 || len(last.Notes) != 2 {
		t.Errorf("%+v", last)
	}
	_, out, _ = s.run("all --from usb --out json --output json")
	var shown struct {
		Data struct {
			Keys []struct{ Result string }
		}
	}
	if err := json.Unmarshal([]byte(out), &shown); err != nil || len(shown.Data.Keys) != 2 || shown.Data.Keys[0].Result != "proved" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestAllRefuses(t *testing.T) {
	s := begin(t)
	stem := s.pack("payroll", "P-256")
	s.upload(stem)
	rig.OK(t, os.Mkdir("empty", 0o755))
	rig.OK(t, os.WriteFile("file", nil, 0o644))
	const from = "--from DIR of the packages: the USB stick's, or a bundle"
	for _, c := range []struct {
		line   string
		status exitcode.Code
		text   string
		hint   string
	}{
		{"all --from empty", exitcode.Usage, "empty: there is no transfer package", from},
		{"all --from none", exitcode.Usage, "none: no such file or directory", ""},
		{"all --manifest a.manifest.json", exitcode.Usage, "--all and --manifest are mutually exclusive", ""},
		{"all --version 1", exitcode.Usage, "--all and --version are mutually exclusive", ""},
		{"all --nonce zz", exitcode.Usage, "--nonce: expected 64 hex digits", ""},
		{"all --vault nowhere", exitcode.Usage, `vault address "nowhere": it does not begin with https://`, ""},
		{"all --hknso zz", exitcode.Usage, `"zz" is neither hex nor words of the list`, ""},
	} {
		status, _, stderr := s.run(c.line)
		if want := errorLine(c.text, c.hint); status != int(c.status) || c.text[0] != '"' && stderr != want {
			t.Errorf("%s: status %d\n%swant\n%s", c.line, status, stderr, want)
		}
	}
	many := filepath.Join("many", strings.Repeat(strings.Repeat("x", 200)+"/", 17)) // an event holds the paths
	rig.OK(t, os.MkdirAll(many, 0o755))
	for i := range 4900 {
		for _, end := range []string{".byok", ".manifest.json"} {
			rig.OK(t, os.WriteFile(filepath.Join(many, strconv.Itoa(i)+end), nil, 0o644))
		}
	}
	s.expect("all --from many", exitcode.Usage, errorLine(
		"4900 packages are more than the ceremony log holds as one event", "prove them in batches: --from DIR"))
	if status, _, stderr := s.run("all --out file"); status == 0 || !strings.Contains(stderr, "file") {
		t.Errorf("%d, %s", status, stderr)
	}
	if _, out, _ := s.run("all --vault https://elsewhere.vault.azure.net --out p"); !strings.Contains(out, "0 proved, 0 failed\n") {
		t.Error(out)
	}
	s.fails = exitcode.Errorf(exitcode.Vault, "no network")
	s.expect("all --out p", exitcode.Vault, errorLine("payroll in URL: no network", ""))
	rig.OK(t, os.WriteFile(ceremony.Path(s.kmdata), []byte("torn\n{}\n"), 0o600))
	if status, _, _ := s.run("all --out p"); status == 0 {
		t.Error("the log was altered")
	}
}

// TestWorlds: an unknown world is one failure, and the hknso that is given
// vouches for it.
func TestWorlds(t *testing.T) {
	s := begin(t)
	s.upload(s.pack("payroll", "P-256"))
	s.store = worlds.NewStore(filepath.Join(t.TempDir(), "empty"))
	status, _, stderr := s.run("all --out p")
	if status != int(exitcode.Refused) || !strings.Contains(stderr, "the world is not known on this workstation") {
		t.Errorf("%d, %s", status, stderr)
	}
	sum, err := s.HKNSO()
	rig.OK(t, err)
	s.expect("all --out p --hknso "+fingerprint.Of(nil).String(), exitcode.Refused, "")
	s.expect("all --out p --hknso "+sum.String(), exitcode.Done, "")
	s.expect("all --out q --hknso "+fingerprint.Of(nil).String(), exitcode.Done, "")
}

// TestInABundle: its list of hashes must go on to hold.
func TestInABundle(t *testing.T) {
	s := begin(t)
	stem := s.pack("payroll", "P-256")
	s.upload(stem)
	rig.OK(t, os.CopyFS("bundle/packages/000003-0", os.DirFS("usb")))
	rig.OK(t, os.WriteFile("bundle/SHA256SUMS.sig", nil, 0o644))
	const blob = "bundle/packages/000003-0/KeyTransferPackage-payroll.byok"
	const alters = blob + " is in the bundle DIR/bundle, which a new proof would alter"
	s.expect("all --from bundle", exitcode.Refused, errorLine(alters, "--out proofs"))
	s.expect("one --manifest "+strings.TrimSuffix(blob, ".byok")+".manifest.json", exitcode.Refused,
		errorLine(alters, "--proof FILE"))
	s.expect("all --from bundle --out proofs", exitcode.Done, "")
	s.expect("one --proof p.json --manifest "+strings.TrimSuffix(blob, ".byok")+".manifest.json", exitcode.Done, "")
}
