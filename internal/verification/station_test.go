package verification_test

import (
	"bytes"
	"context"
	"crypto"
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
