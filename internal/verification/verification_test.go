package verification_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/approval"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/rehearsal"
	"byok/internal/stamp"
	"byok/internal/term"
	"byok/internal/testkit/practice"
	"byok/internal/testkit/rig"
	"byok/internal/vault"
	"byok/internal/verification"
	"byok/internal/worlds"
)

// station is a workstation at a practice vault, in a folder of its own.
type station struct {
	*practice.Vault
	t      *testing.T
	kmdata string
	store  *worlds.Store
	public crypto.PublicKey // of --public-key
	fails  error            // of every connection; nil for none
}

func begin(t *testing.T) *station {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	s := &station{
		Vault: practice.Start(t, rehearsal.Config{}), t: t,
		kmdata: filepath.Join(dir, "kmdata"), store: worlds.NewStore(filepath.Join(dir, "config")),
	}
	sum, err := s.HKNSO()
	rig.OK(t, err)
	_, err = s.store.Add(worlds.Claim{Label: "Specimen", First: sum, Current: sum}, "ada@host", time.Now())
	rig.OK(t, err)
	return s
}

// pack packs a fresh key into the folder usb.
func (s *station) pack(name, kind string) string {
	s.t.Helper()
	rig.OK(s.t, os.MkdirAll("usb", 0o755))
	_, err := s.Pack("usb", name, kind)
	rig.OK(s.t, err)
	return "usb/KeyTransferPackage-" + name
}

// everyWorld trusts every world.
type everyWorld struct{}

func (everyWorld) Trust(c worlds.Claim, _ string) (worlds.World, error) {
	return worlds.World{Label: c.Label, First: c.First, HKNSO: []worlds.Entry{{SHA256: c.Current}}}, nil
}

// upload brings the key of a package into the vault, and says so in the log.
func (s *station) upload(stem string) {
	s.t.Helper()
	p, err := approval.Read(stem+".byok", everyWorld{})
	rig.OK(s.t, err)
	expected, err := vault.ExpectedOf(p.Facts())
	rig.OK(s.t, err)
	done, err := s.Client.Import(context.Background(), vault.Import{
		Expected: expected, Name: p.Approved().Name, Ops: p.Approved().KeyOps, Blob: p.Blob(),
	})
	rig.OK(s.t, err)
	log, err := ceremony.Open(s.kmdata)
	rig.OK(s.t, err)
	e := ceremony.Event{Time: stamp.Now(), Program: "byok-online", Version: "1", Command: "upload", Phase: ceremony.Begin}
	begun, err := log.Append(e)
	rig.OK(s.t, err)
	e.Phase, e.Began, e.Result = ceremony.End, begun.Lines, ceremony.Success
	e.AddInput(stem+".byok", p.SHA256())
	e.AddNote("key", done.Key.ID.String())
	_, err = log.Append(e)
	rig.OK(s.t, err)
}

func (s *station) keeper(r *command.Run) (worlds.Keeper, error) {
	k := worlds.Keeper{Store: s.store, By: "ada@host", UI: r.Console, Now: time.Now}
	if text := r.String("hknso"); text != "" {
		var err error
		if k.Given, err = worlds.Parse(text); err != nil {
			return k, err
		}
	}
	return k, nil
}

func (s *station) program(out, err *bytes.Buffer) *command.Program {
	at := verification.Station{
		Keeper:  s.keeper,
		Connect: func(*command.Run) (*vault.Client, error) { return s.Client, s.fails },
		ConnectTo: func(*command.Run) func(string) (*vault.Client, error) {
			return func(string) (*vault.Client, error) { return s.Client, s.fails }
		},
		PublicKey: func(*command.Run) (crypto.PublicKey, error) { return s.public, s.fails },
	}
	p := &command.Program{
		Name: "test", Version: "1", Usage: "test",
		Console: &term.Console{Program: "test", In: strings.NewReader(""), Out: out, Err: err},
	}
	var shared []cli.Flag
	for _, name := range []string{"vault", "hknso"} {
		shared = append(shared, &cli.StringFlag{Name: name})
	}
	shared = append(shared, &cli.StringSliceFlag{Name: "rehearsal"})
	step := func(f command.Func) cli.ActionFunc { return p.Step(command.WithoutFiles(f)) }
	p.Commands = []*cli.Command{at.Command(p, step, shared)}
	return p
}

// run runs verify, and returns its status and what it printed. The line begins
// with one, all or recheck.
func (s *station) run(line string) (status int, stdout, stderr string) {
	s.t.Helper()
	var out, err bytes.Buffer
	words := append(strings.Fields(line), "--kmdata", s.kmdata)
	switch words[0] {
	case "one":
		words = append(words, "--vault", s.Open.URL)
	case "all":
		words = append(words, "--all")
	}
	words[0] = "verify"
	status = s.program(&out, &err).Main(context.Background(), words)
	return status, s.plain(out.String()), s.plain(err.String())
}

var changing = regexp.MustCompile(`[0-9a-f]{32,64}|20\d\d-?\d\d-?\d\dT\d\d:?\d\d:?\d\dZ`)

// plain puts a mark in place of what is another in every run.
func (s *station) plain(text string) string {
	dir, err := os.Getwd()
	rig.OK(s.t, err)
	text = strings.NewReplacer(s.Open.URL, "URL", dir, "DIR").Replace(text)
	return changing.ReplaceAllString(text, "X")
}

// expect runs a command that must end with the status, and say the error and hint
// last.
func (s *station) expect(line string, status exitcode.Code, last string) string {
	s.t.Helper()
	got, out, err := s.run(line)
	if got != int(status) || !strings.HasSuffix(err, last) {
		s.t.Errorf("%s: status %d\n%s%s\nwant %d, and at the end\n%s", line, got, out, err, status, last)
	}
	return out
}

// errorLine is what a program says of an error, with a hint or without one.
func errorLine(text, hint string) string {
	if hint == "" {
		return "test: error: " + text + "\n"
	}
	return "test: error: " + text + "\ntest: hint: " + hint + "\n"
}

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
