// Package audit checks the bundle of a ceremony, as its shell script does, and
// what a script cannot: the rules of a world, and the attestations of KEKs.
//
// Use Folder, which reads and never writes. It needs no HSM, no network and no
// vault: what only a vault can prove is for byok-online verify.
package audit

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/durable"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/record"
	"byok/internal/statement"
)

// Line is one statement about the bundle, and why it fails if it does.
type Line struct {
	What string `json:"what"`
	Pass bool   `json:"pass"`
	Says string `json:"says,omitempty"` // the fault, or what is worth knowing
}

// Report is what an audit found.
type Report struct {
	World      string          `json:"world"`
	Rehearsal  bool            `json:"rehearsal"`
	HKNSO      fingerprint.Sum `json:"hknso"`       // of the first card set, for the paper
	Statement  int             `json:"statement"`   // number of the last one
	Statements fingerprint.Sum `json:"last_sha256"` // hash of the last one
	Lines      []Line          `json:"lines"`
	People     []string        `json:"people"` // what rests on people
}

// Failed counts the lines that fail.
func (r Report) Failed() int {
	n := 0
	for _, l := range r.Lines {
		if !l.Pass {
			n++
		}
	}
	return n
}

// Folder audits the bundle in dir. known is what a person has on paper, such as
// the first words of hknso; the zero Prefix for nothing.
func Folder(dir string, known fingerprint.Prefix) Report {
	a := &auditing{dir: dir, known: known}
	for _, step := range []func(){a.list, a.world, a.paper, a.signature, a.logs, a.keys, a.packages, a.people} {
		step()
	}
	return a.report
}

// auditing is an audit under way.
type auditing struct {
	dir    string
	known  fingerprint.Prefix
	text   []byte
	record record.Record
	report Report

	connected []ceremony.Event // of the connected workstation's log
}

func (a *auditing) path(name string) string { return filepath.Join(a.dir, filepath.FromSlash(name)) }

// say adds a line, and reports whether it passes.
func (a *auditing) say(err error, format string, args ...any) bool {
	line := Line{What: fmt.Sprintf(format, args...), Pass: err == nil}
	if err != nil {
		line.Says = err.Error()
	}
	a.report.Lines = append(a.report.Lines, line)
	return line.Pass
}

// list compares the files that are there with the list of hashes.
func (a *auditing) list() {
	var err error
	if a.text, err = durable.ReadFile(a.path(bundle.Sums), bundle.MaxFile); err != nil {
		a.say(err, "the folder is a bundle")
		return
	}
	files, err := a.files()
	if !a.say(err, "the folder can be read") {
		return
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(a.text)) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		listed[name] = true
		data, found := files[name]
		switch {
		case !found:
			a.say(fs.ErrNotExist, "%s", name)
		case fingerprint.Of(data).String() != sum:
			a.say(fmt.Errorf("its SHA-256 is not the one of %s", bundle.Sums), "%s", name)
		}
	}
	for name := range files {
		if !listed[name] {
			a.say(fmt.Errorf("it is not in %s", bundle.Sums), "%s", name)
		}
	}
	if len(a.report.Lines) == 1 {
		a.say(nil, "every file of the list is there with its SHA-256, and no other")
	}
}

// files reads everything in the bundle but the list and its signature.
func (a *auditing) files() (bundle.Files, error) {
	files, err := bundle.Read(a.dir)
	delete(files, bundle.Sums)
	delete(files, bundle.Signature)
	return files, err
}

// world verifies every statement of the world, and the log under them.
func (a *auditing) world() {
	var err error
	a.record, err = record.Check(a.path("disconnected"))
	if a.record.Chain == nil && err == nil {
		err = fs.ErrNotExist
	}
	if !a.say(err, "the world's statements, and the log under them") || a.record.Chain == nil {
		return
	}
	chain := a.record.Chain
	last := chain.Last()
	a.report.World, a.report.Rehearsal, a.report.HKNSO = chain.World().Label, chain.Rehearsal(), chain.FirstHKNSO()
	a.report.Statement, a.report.Statements = last.Number(), last.Sum
	for _, w := range a.record.Warnings {
		a.report.Lines = append(a.report.Lines, Line{What: "the log", Pass: true, Says: w})
	}
}

// paper compares what a person has on paper with the world.
func (a *auditing) paper() {
	if a.known.IsZero() || a.record.Chain == nil {
		return
	}
	var err error
	if sum := a.record.Chain.FirstHKNSO(); !a.known.Matches(sum) {
		err = fmt.Errorf("the world's is %s", sum)
	}
	a.say(err, "hknso on the paper is that of the world")
}

// signature checks the module's signature over the list.
func (a *auditing) signature() {
	if a.record.Chain == nil {
		return
	}
	a.say(a.checkSignature(), "a module of the world signed the list of files")
}

func (a *auditing) checkSignature() error {
	id, err := durable.ReadFile(a.path(bundle.Signer), 64)
	if err != nil {
		return err
	}
	sig, err := durable.ReadFile(a.path(bundle.Signature), kmdata.MaxSignature)
	if err != nil {
		return err
	}
	for _, e := range a.record.Chain.Entries() {
		m, ok := e.Statement.(*statement.Module)
		if !ok || m.Module != string(bytes.TrimSpace(id)) {
			continue
		}
		if signer, err := m.Signer(); err == nil && keykind.VerifySignature(signer, a.text, sig) == nil {
			return nil
		}
	}
	return fmt.Errorf("no module signing key that a statement certifies made %s", bundle.Signature)
}

// logs checks the chain of the connected workstation's log, and that it is of this
// ceremony. In a rehearsal both programs may keep one log, which is checked
// already.
func (a *auditing) logs() {
	if _, err := os.Lstat(a.path(bundle.Connected)); err == nil || !a.together() {
		connected, err := ceremony.Read(a.path("connected"))
		a.connected = connected.Events
		a.say(err, "the connected workstation's log is one chain")
	}
	files, err := a.files()
	if err == nil {
		found := bundle.Collected{Files: files, Paths: map[string]string{}}
		for name := range files {
			found.Paths[name] = name
		}
		err = found.Belongs(a.path("disconnected"))
	}
	a.say(err, "log and packages are of this world and of this ceremony")
	a.say(a.software(), "%s says what the kernel refused the program that made the bundle", bundle.Programs)
}

// together reports whether both programs kept one log.
func (a *auditing) together() bool {
	return slices.ContainsFunc(a.record.Events, func(e ceremony.Event) bool { return e.Program == "byok-online" })
}

// software checks the description of the program that made the bundle.
func (a *auditing) software() error {
	data, err := durable.ReadFile(a.path(bundle.Programs), bundle.MaxFile)
	if err != nil {
		return err
	}
	_, err = bundle.ParseSoftware(bundle.Programs, data)
	return err
}

// keys verifies every key file.
func (a *auditing) keys() {
	if a.record.Chain == nil {
		return
	}
	keys, err := a.record.Chain.Keys()
	a.say(err, "%d key files are signed by their modules", len(keys))
}

// people lists what no file can show.
func (a *auditing) people() {
	if a.record.Chain == nil {
		return
	}
	if a.known.IsZero() {
		a.report.People = append(a.report.People, fmt.Sprintf("that hknso, %s, is the one on the paper", a.report.HKNSO))
	}
	a.report.People = append(a.report.People,
		fmt.Sprintf("that statement %d, with the words %s, is the last one on the paper",
			a.report.Statement, a.report.Statements.FirstWords(8)),
		"who was present, beside the names that the statements hold",
		"that the proofs came from the vaults: byok-online verify --all asks them again",
	)
	for _, p := range a.record.Programs(a.connected) {
		a.report.People = append(a.report.People, fmt.Sprintf("that this was the released program: %v", p))
	}
}
