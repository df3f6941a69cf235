package view

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/attest"
	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/statement"
	"byok/internal/term"
	"byok/internal/testkit/rig"
	"byok/internal/testkit/softworld"
	"byok/internal/toolset"
)

func TestMain(m *testing.M) { rig.Main(m) }

// made is a world in software with the P-256 key "first", the AES key "second",
// and a wrapped copy of the first.
func made(t *testing.T) (*softworld.World, *kmdata.Key) {
	t.Helper()
	w, err := softworld.New(filepath.Join(t.TempDir(), "kmdata"), softworld.Options{Rehearsal: true})
	rig.OK(t, err)
	exchange, err := softworld.NewKEK("https://localhost:8443")
	rig.OK(t, err)
	var copied *kmdata.Key
	for ident, kind := range map[string]string{"first": "P-256", "second": "AES-256"} {
		k, err := keykind.Parse(kind)
		rig.OK(t, err)
		key, err := softworld.NewKey(k)
		rig.OK(t, err)
		_, err = w.Generate(ident, key)
		rig.OK(t, err)
		if ident == "first" {
			copies, err := w.Transfer(softworld.Request{Ident: ident, Key: key, KEK: exchange})
			rig.OK(t, err)
			copied = copies[0]
		}
	}
	return w, copied
}

func TestWorldOf(t *testing.T) {
	w, _ := made(t)
	rig.OK(t, w.ReplaceCards())
	v, last := WorldOf(w.Chain), w.Chain.Last()
	if v.Label != "Contoso" || !v.Rehearsal || v.Quorum != "2/3" || v.CardSet != 2 || v.FirstHKNSO == v.HKNSO ||
		v.HKNSO != w.Chain.HKNSO() || !slices.Equal(v.Words, v.HKNSO.Words()) || v.Statement != last.Number() ||
		v.LastWords != last.Sum.FirstWords(8) || len(v.Modules) != 1 || v.Modules[0].CardSet != 1 {
		t.Errorf("%+v", v)
	}
}

func TestKeysOf(t *testing.T) {
	w, _ := made(t)
	files, err := w.Chain.Keys()
	rig.OK(t, err)
	list, err := KeysOf(w.Chain, files)
	rig.OK(t, err)
	origin := statement.OriginText(statement.OriginQuorum, false)
	first, second := list.Keys[0], list.Keys[1]
	sum, err := first.Identity.Fingerprint()
	rig.OK(t, err)
	if first.Proved != origin || first.Fingerprint != sum || first.Retired || first.Path != w.Chain.KeyPath("first") {
		t.Errorf("%s %v %t %s", first.Proved, first.Fingerprint, first.Retired, first.Path)
	}
	if second.Proved != origin || second.Fingerprint != (fingerprint.Sum{}) {
		t.Errorf("%s %v", second.Proved, second.Fingerprint)
	}
	if got := first.state() + "; " + second.state(); got != "approved; generated" {
		t.Errorf("states %s", got)
	}
	shown, err := KeyWithHistory(w.Chain, files[0])
	rig.OK(t, err)
	var text strings.Builder
	rig.OK(t, shown.Print(&text))
	for _, want := range []string{"\nhistory      20", "Z  generated\n             20", "Z  approved, first in https://localhost:8443\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, &text)
		}
	}
	first.Frozen = true
	if got := first.state(); got != "approved, frozen" {
		t.Errorf("state %s", got)
	}
	other := *files[0]
	other.Identity = files[1].Identity // the statement is of another key
	v, err := KeyOf(w.Chain, &other)
	rig.OK(t, err)
	if v.Proved != statement.OriginText(statement.OriginUnproved, false) {
		t.Errorf("origin %s", v.Proved)
	}
	other.Identity = statement.Identity{KeyType: keykind.EC, PublicKey: "none"}
	if _, err := KeysOf(w.Chain, []*kmdata.Key{&other}); err == nil {
		t.Error("a key without a public key is shown")
	}
	rig.OK(t, os.WriteFile(w.Chain.RetiredPath("first"), []byte("torn"), 0o600))
	if _, err := KeyOf(w.Chain, files[0]); err == nil {
		t.Error("a retirement that cannot be read is not said")
	}
	if _, err := KeyWithHistory(w.Chain, files[0]); err == nil {
		t.Error("a retirement that cannot be read is not said of its history")
	}
}

// TestCopyACL: after packaging it says so.
func TestCopyACL(t *testing.T) {
	w, copied := made(t)
	v, err := CopyACL(w.Chain, copied)
	if err != nil || v.Key != copied.Name() || len(v.Since) != 0 {
		t.Errorf("%v: %+v", err, v)
	}
	log, err := ceremony.Open(w.Dir)
	rig.OK(t, err)
	_, err = log.Append(ceremony.Event{
		Time: copied.Created, Command: "package", Phase: ceremony.Begin, Arguments: []string{"--ident=first"},
	})
	rig.OK(t, err)
	_, err = log.Append(ceremony.Event{
		Time: copied.Created, Command: "package", Phase: ceremony.End, Began: 1, Result: ceremony.Success,
		Arguments: []string{"--ident=first"}, Outputs: []ceremony.File{{Path: "/usb/KeyTransferPackage-K.byok"}},
	})
	rig.OK(t, err)
	v, err = CopyACL(w.Chain, copied)
	rig.OK(t, err)
	var text strings.Builder
	rig.OK(t, v.Print(&text))
	if !strings.HasSuffix(text.String(), "Z  packaged, KeyTransferPackage-K.byok\n") {
		t.Errorf("%+v\n%s", v, &text)
	}
	copied.Ident = "another"
	if _, err := CopyACL(w.Chain, copied); err == nil {
		t.Error("a copy of a key that is not there is shown")
	}
}

func TestCopyOf(t *testing.T) {
	w, copied := made(t)
	result, err := CopyOf(w.Chain, copied)
	rig.OK(t, err)
	v, _ := result.(Copy)
	if v.Pair.Target.Name != "first" || v.Ident != "first" || v.Path != filepath.Join(kmdata.Local(w.Dir), copied.Name()) {
		t.Errorf("%+v", v)
	}
	copied.Copy.Number = 1
	if _, err := CopyOf(w.Chain, copied); err == nil || err.Error() != "statement 1 is not an authorization of this world" {
		t.Errorf("%v", err)
	}
}

// inCommand runs f in a command, whose event notes what f has written.
func inCommand(t *testing.T, f command.Func) (outputs []ceremony.File, err error) {
	t.Helper()
	p := &command.Program{Name: "test", Version: "1", Usage: "test", Console: &term.Console{
		Program: "test", Out: io.Discard, Err: io.Discard,
	}}
	p.Commands = []*cli.Command{{Name: "do", Usage: "do", Action: p.Action(func(r *command.Run) (command.Result, error) {
		result, failed := f(r)
		outputs, err = r.Event.Outputs, failed
		return result, failed
	})}}
	p.Main(context.Background(), []string{"do"})
	return outputs, err
}

// TestWritten hashes the files that a command has written, and notes them.
func TestWritten(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"a", "b", "c"} {
		paths = append(paths, filepath.Join(dir, name))
		rig.OK(t, os.WriteFile(paths[len(paths)-1], []byte(name), 0o600))
	}
	installed := toolset.Installed{KEK: paths[0], SecurityWorld: paths[1], Sums: paths[2]}
	packed := packing.Packed{Pair: pair(), Paths: paths}
	for name, f := range map[string]command.Func{
		"package":   func(r *command.Run) (command.Result, error) { return PackageOf(r, packed) },
		"installed": func(r *command.Run) (command.Result, error) { return InstalledOf(r, installed) },
	} {
		outputs, err := inCommand(t, f)
		rig.OK(t, err)
		if len(outputs) != 3 || outputs[2].SHA256 != fingerprint.Of([]byte("c")) {
			t.Errorf("%s: %+v", name, outputs)
		}
	}
	rig.OK(t, os.Remove(paths[2]))
	for _, f := range []command.Func{
		func(r *command.Run) (command.Result, error) { return PackageOf(r, packed) },
		func(r *command.Run) (command.Result, error) { return InstalledOf(r, installed) },
	} {
		if _, err := inCommand(t, f); err == nil || !strings.Contains(err.Error(), paths[2]) {
			t.Errorf("%v", err)
		}
	}
}

// TestResultOf shows what an acceptance rests on, and words only where they are
// asked for: the vault's owner says them first.
func TestResultOf(t *testing.T) {
	if v := ResultOf(attest.Result{}, true); v != nil {
		t.Errorf("%+v", v)
	}
	k := rig.NewKEK(t, "KEK1")
	checked := attest.Result{KEK: k.KEK, Findings: k.Findings(), Fingerprint: k.Fingerprint()}
	hidden, _ := ResultOf(checked, false).(Result)
	if hidden.Accepted != "what Olga said of it over another channel; no attestation proves it" || hidden.Attested ||
		hidden.Fingerprint != nil || hidden.Words != nil {
		t.Errorf("%+v", hidden)
	}
	shown, _ := ResultOf(checked, true).(Result)
	if *shown.Fingerprint != k.Fingerprint() || !slices.Equal(shown.Words, k.Fingerprint().Words()) {
		t.Errorf("%+v", shown)
	}
	checked.KEK = nil
	if v, _ := ResultOf(checked, false).(Result); v.Accepted != "" {
		t.Errorf("%+v", v)
	}
}
