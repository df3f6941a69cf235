package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/hsm/survey"
	"byok/internal/hsm/tokens"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/library"
	"byok/internal/secondproc"
	"byok/internal/statement"
	"byok/internal/worldcheck"
)

var update = flag.Bool("update", false, "write testdata as the results are shown now")

var (
	noon   = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	sum    = fingerprint.Of([]byte("file"))
	id     = kek.ID{Vault: "https://contoso.vault.azure.net", Name: "KEKforBYOK", Version: strings.Repeat("1", 32)}
	module = strings.Repeat("0a", 16)
)

func pair() statement.Pair {
	p := statement.Pair{}
	p.Ident, p.Origin, p.KEK.KID = "payroll", statement.OriginQuorum, id
	p.Target.Name, p.Target.KeyOps = "Payroll", []string{"sign", "verify"}
	return p
}

func file(identity statement.Identity) kmdata.Key {
	k := kmdata.Key{App: kmdata.Simple, Ident: "payroll", PlainName: "Payroll 2026", Identity: identity}
	k.Module, k.Created, k.Permissions = module, noon, []string{"SENSITIVE", "SIGN"}
	return k
}

// results are what people see, each under the name of its file in testdata.
func results() map[string]command.Result {
	aes := statement.Identity{KeyType: keykind.AES, Bits: 256, CheckValue: strings.Repeat("ab", 16)}
	frozen := Key{Key: file(aes), Path: "kmdata/local/key_simple_payroll", Proved: statement.OriginText(statement.OriginUnproved, false)}
	frozen.Frozen, frozen.Rehearsal = true, true
	retired := Key{Key: file(statement.Identity{KeyType: keykind.EC, Curve: "P-256", PublicKey: "PEM"}), Fingerprint: sum,
		Proved: statement.OriginText(statement.OriginQuorum, false), Retired: true}
	world := World{
		Label: "Contoso", Guard: statement.GuardTrust, Suite: statement.SuiteDefault, Quorum: "2/3", Created: "2026-01-02T12:00:00Z",
		Holders: []string{"Ada", "Ben", "Cleo"}, CardSet: 2, FirstHKNSO: fingerprint.Of(nil), HKNSO: sum, Words: sum.Words(),
		Statement: 7, LastWords: sum.FirstWords(8), Modules: []Module{
			{Module: module, Token: statement.Token{Manufacturer: "Example", Model: "HSM", Serial: "1"}, Library: "/lib/a.so", CardSet: 2,
				Trust: statement.TrustAfterwards, VendorQuorum: "PED, 2 of 3, stated by Olga"},
			{Module: module, Token: statement.Token{Manufacturer: "Example", Model: "HSM", Serial: "2"}, Library: "/lib/a.so", CardSet: 1},
		},
	}
	rehearsed := world
	rehearsed.Rehearsal, rehearsed.FirstHKNSO, rehearsed.Modules = true, sum, nil
	return map[string]command.Result{
		"acl":  ACL{Key: "key_simple_payroll", Permissions: []string{"SIGN", "SENSITIVE"}, Recorded: []string{"SIGN"}},
		"copy": Copy{Key: file(aes), Pair: pair(), Path: "kmdata/local/key_xferacld_payroll"},
		"confinement": Confinement{Rows: []confine.Row{
			{Name: "socket AF_INET", OK: true, Detail: "refused"}, {Name: "ptrace", Detail: "allowed"},
		}},
		"tokens": Tokens{Library: "Example HSM", Path: "/lib/a.so", Tokens: []hsm.Token{
			{Slot: 1, Label: "token", Serial: "1", Model: "HSM", Firmware: "1.0", Initialised: true}, {Slot: 2},
			{Slot: 3, Fault: "CKR_DEVICE_ERROR"},
		}},
		"survey":          surveyed(true, ""),
		"survey-unusable": surveyed(false, survey.PropInitToken),
		"package":         Package{Ident: "payroll", Pair: pair(), Files: []File{{"usb/a.byok", sum}, {"usb/a.manifest.json", sum}}},
		"installed":       Installed{Files: []File{{"tools/BYOK-KEK-pkg-CONTOSO-1", sum}}},
		"seal-operator":   Seal{By: "KML", Lines: 12, Words: sum.FirstWords(8)},
		"seal-quorum":     Seal{By: "KNSO", Statement: 7, Words: sum.FirstWords(8)},
		"passphrase":      Passphrase{Card: "card 1 (Ada)"},
		"retired":         Retired{kmdata.Retired{Signed: kmdata.Signed{Module: module, Created: noon}, Ident: "payroll", Destroyed: 2}},
		"dump":            Dump{Signer: "KNSO", Content: "{}\n"},
		"check": Result{
			Findings: []kek.Finding{{Rule: kek.RuleOps, OK: true, Detail: "import"}, {Rule: "exponent", Detail: "3"}},
			Facts:    []attest.Fact{{Attribute: "sensitive (0x0103)", Value: "1"}}, Accepted: "its attestation", Fingerprint: &sum, Words: sum.Words(),
		},
		"check-alone":     Result{Findings: []kek.Finding{{Rule: kek.RuleOps, OK: true, Detail: "import"}}},
		"world":           world,
		"world-rehearsal": rehearsed,
		"backup":          Backup{Dir: "usb", Files: 9, Last: 7, Words: sum.FirstWords(8)},
		"checks": Checks{[]worldcheck.Row{
			{What: "anchor", Outcome: worldcheck.Pass, Detail: "the token knows statement 7"},
			{What: "other objects", Outcome: worldcheck.NotChecked, Detail: "why"},
		}},
		"key-frozen":  frozen,
		"key-retired": retired,
		"keys":        KeyList{[]Key{frozen, retired, {Key: file(aes)}}},
		"keys-none":   KeyList{Keys: []Key{}},
	}
}

// surveyed is a module of which one property was refused.
func surveyed(usable bool, refused string) Survey {
	v := Survey{
		Library:    "Example HSM",
		Processes:  []secondproc.Row{{Name: secondproc.RowTrust, Outcome: secondproc.Held, Detail: "7 attempts"}},
		Guards:     []survey.Reach{{Guard: statement.GuardLogin, Outcome: survey.Unknown, Why: "not tried"}},
		Conclusion: survey.Conclusion{Usable: usable, Outcome: survey.NotReached, Why: "because"},
		Device: survey.Device{
			Program:    "byok/0.0.0",
			Library:    library.Identity{Path: "/usr/lib/example.so", Family: "unknown"},
			Token:      &hsm.Token{Slot: 3, Label: "example", Initialised: true},
			Mechanisms: []tokens.Mechanism{{Number: "0x1054", Flags: "0x60000", MinSize: 2048, MaxSize: 4096}},
		},
	}
	if usable {
		v.Conclusion.Guard, v.Conclusion.Outcome = statement.GuardLogin, survey.Unknown
	}
	v.Properties = []survey.Property{{Name: survey.PropMechanisms, Outcome: survey.Enforced, Detail: "all"}}
	if refused != "" {
		v.Properties = append(v.Properties, survey.Property{Name: refused, Outcome: survey.Refused})
	}
	return v
}

// TestPrint compares what people see, and the JSON of it, with testdata.
func TestPrint(t *testing.T) {
	for name, v := range results() {
		var text bytes.Buffer
		if err := v.Print(&text); err != nil {
			t.Fatal(err)
		}
		data, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		got := text.String() + "\n" + string(data) + "\n"
		path := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is\n%s\nnot\n%s", name, got, want)
		}
	}
}

// full is a writer with room for so many writes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(p []byte) (int, error) {
	if f.room--; f.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestNowhereToPrint: what cannot be shown is an error, at whichever write.
func TestNowhereToPrint(t *testing.T) {
	for name, v := range results() {
		for room := 0; ; room++ {
			w := &full{room: room}
			err := v.Print(w)
			if w.room >= 0 {
				break
			}
			if !errors.Is(err, errFull) {
				t.Errorf("%s, write %d: %v", name, room+1, err)
			}
		}
	}
}

// TestRefusal says why a module will not do, and the other way where only the
// API to initialise a token is missing.
func TestRefusal(t *testing.T) {
	if err := surveyed(true, "").Refusal("/lib/a.so"); err != nil {
		t.Error(err)
	}
	for refused, hint := range map[string]string{
		survey.PropInitToken: "initialise a token with the vendor's tool, then byok-offline module check " +
			"--module-path /lib/a.so --with-test-keys SERIAL --so-pin-file FILE",
		survey.PropOAEP: "",
	} {
		err := surveyed(false, refused).Refusal("/lib/a.so")
		if err == nil || err.Error() != "this module cannot serve a ceremony: because" ||
			exitcode.Of(err) != exitcode.HSM || exitcode.HintOf(err) != hint {
			t.Errorf("%s: %v (hint %q)", refused, err, exitcode.HintOf(err))
		}
	}
	v := surveyed(false, "")
	v.Conclusion.Guard, v.Guards[0].Outcome = statement.GuardTrust, survey.Reached
	err := v.Refusal("/lib/a.so")
	if err == nil || err.Error() != "this module cannot serve a ceremony with guard trust: because" ||
		exitcode.HintOf(err) != "it reaches guard login: ask for that with --guard, or for none" {
		t.Errorf("%v (hint %q)", err, exitcode.HintOf(err))
	}
}
