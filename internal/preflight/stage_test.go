package preflight_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/cards"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/preflight"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/term"
	"byok/internal/testkit/softworld"
	"byok/internal/toolset"
	"byok/internal/world"
)

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stage is a folder with a rehearsal's world in kmdata, its cards in card1 to
// card3, and the packages of two vaults.
type stage struct {
	t      *testing.T
	dir    string
	world  *softworld.World
	keys   map[string]softworld.Key
	suffix string // of the packages that are made; "" for CONTOSO
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir(), keys: map[string]softworld.Key{}}
	t.Chdir(s.dir)
	s.world = s.made("kmdata", "card")
	for ident, kind := range map[string]string{"rsa": "RSA-2048", "aes": "AES-256", "retired": "P-256", "frozen": "P-256"} {
		s.key(ident, kind)
	}
	_, kml := s.world.Module(), s.world.KML[s.world.Module()]
	ok(t, s.world.Chain.WriteRetired(&kmdata.Retired{
		Signed: s.world.Chain.NewSigned(kmdata.TypeRetired, s.world.Module()), Ident: "retired",
		Identity: s.file("retired").Identity, Destroyed: 2,
	}, kml))
	frozen := *s.file("frozen")
	frozen.Frozen = true
	ok(t, s.world.Chain.ReplaceKey(&frozen, kml))
	s.packages("premium", kek.ServiceVault)
	for _, name := range []string{"out", "blank"} {
		ok(t, os.Mkdir(name, 0o700))
	}
	ok(t, os.WriteFile("pin", []byte("1234\n"), 0o600))
	ok(t, os.WriteFile("open", []byte("1234\n"), 0o644))
	return s
}

// made makes a world with its cards.
func (s *stage) made(dir, card string) *softworld.World {
	s.t.Helper()
	w, err := softworld.New(filepath.Join(s.dir, dir), softworld.Options{Rehearsal: true})
	ok(s.t, err)
	for i, c := range w.Set().Cards {
		folder := card + string(rune('1'+i))
		ok(s.t, os.Mkdir(folder, 0o700))
		passphrase := secret.Take([]byte("passphrase"))
		sealed, err := cards.Seal(c, passphrase, 2)
		ok(s.t, err)
		ok(s.t, cards.Folder(folder).Write(cards.HeaderOf("Contoso", c), sealed))
	}
	return w
}

func (s *stage) key(ident, kind string) {
	s.t.Helper()
	k, err := keykind.Parse(kind)
	ok(s.t, err)
	made, err := softworld.NewKey(k)
	ok(s.t, err)
	s.keys[ident] = made
	_, err = s.world.Generate(ident, made)
	ok(s.t, err)
}

func (s *stage) file(ident string) *kmdata.Key {
	s.t.Helper()
	k, err := s.world.Chain.Key(ident)
	ok(s.t, err)
	return k
}

// packages writes the packages of a rehearsal vault's KEK.
func (s *stage) packages(name, service string, change ...func(*toolset.KEKPackage)) {
	s.t.Helper()
	s.packagesOf(name, service, "https://localhost:8443", kek.Rehearsal, change...)
}

// packagesOf writes the packages of any vault's KEK.
func (s *stage) packagesOf(name, service, vault string, mark kek.Mark, change ...func(*toolset.KEKPackage)) {
	s.t.Helper()
	exchange, err := softworld.NewKEK(vault)
	ok(s.t, err)
	w := toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: cmp.Or(s.suffix, "CONTOSO"), Generation: 1, Mark: mark,
		Service: service, Cloud: "AzurePublic", Vault: exchange.ID.Vault,
	}
	data, err := w.Marshal()
	ok(s.t, err)
	public, err := keykind.MarshalPublicKey(exchange.Public)
	ok(s.t, err)
	k := toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: cmp.Or(s.suffix, "CONTOSO"), Generation: 1, Mark: mark,
		KID: exchange.ID, PublicKey: public, KTY: "RSA-HSM", KeyOps: []string{"import"}, Enabled: true, HSMPlatform: "2",
		Created: stamp.Now(), SecurityWorld: fingerprint.Of(data),
	}
	for _, c := range change {
		c(&k)
	}
	packed, err := k.Marshal()
	ok(s.t, err)
	ok(s.t, os.WriteFile(name+".kek", packed, 0o600))
	ok(s.t, os.WriteFile(name+".world", data, 0o600))
}

// plain is an outcome's error with names for what is different in every run.
func (s *stage) plain(o outcome) error {
	if o.err == nil || o.passed {
		return nil
	}
	text := strings.ReplaceAll(o.err.Error(), s.dir, "DIR")
	text = regexp.MustCompile(`hknso [0-9a-f]{8}, not [0-9a-f]{8}`).ReplaceAllString(text, "hknso OTHER, not THIS")
	text = regexp.MustCompile(`KEK https://\S+`).ReplaceAllString(text, "KEK KID")
	text = regexp.MustCompile(`retired on [0-9-]{10}`).ReplaceAllString(text, "retired on DATE")
	return exitcode.Hint(exitcode.Errorf(exitcode.Of(o.err), "%s", text), "%s", exitcode.HintOf(o.err))
}

// outcome is what a command's preflight came to, and what was said.
type outcome struct {
	facts  *preflight.Facts
	err    error
	said   string
	passed bool
}

// run runs the preflight of a command line. Nobody is there to be asked.
func (s *stage) run(line string) outcome {
	s.t.Helper()
	var o outcome
	var said bytes.Buffer
	p := &command.Program{
		Name: "test", Version: "1", Usage: "test",
		Before:  preflight.Before,
		Console: &term.Console{Program: "test", In: strings.NewReader(""), Out: io.Discard, Err: &said},
	}
	words := strings.Fields(line)
	depth := 2
	if words[0] == "package" {
		depth = 1
	}
	do := func(r *command.Run) (command.Result, error) {
		if o.facts, o.err = preflight.Passed(r); requests(words) {
			o.facts = preflight.Of(r)
			s.request(o.facts)
			o.err = o.facts.Pass()
		}
		o.passed = o.err == nil
		return nil, o.err
	}
	leaf := &cli.Command{Name: words[depth-1], Usage: "test", Flags: flags(words[depth-1]), Action: p.Step(do)}
	p.Commands = []*cli.Command{leaf}
	if depth == 2 {
		p.Commands = []*cli.Command{{Name: words[0], Usage: "test", Subcommands: []*cli.Command{leaf}}}
	}
	if !strings.Contains(line, "--kmdata") {
		words = append(words, "--kmdata", "kmdata")
	}
	var printed bytes.Buffer
	p.Console.Out = &printed
	status := p.Main(context.Background(), words)
	if o.facts == nil { // refused before the command began
		first, rest, _ := strings.Cut(strings.TrimPrefix(said.String(), "test: error: "), "\n")
		hint, _, _ := strings.Cut(strings.TrimPrefix(rest, "test: hint: "), "\n")
		o.err = exitcode.Errorf(exitcode.Code(status), "%s", first).Hint("%s", hint)
	}
	o.said = said.String()
	return o
}

// requests reports whether a command fills in a request before its checks.
func requests(words []string) bool {
	return words[1] == "create"
}

// request is what the commands make of their options before the preflight.
func (s *stage) request(f *preflight.Facts) {
	r := f.Run
	dir, err := r.KMData()
	ok(s.t, err)
	q, err := quorum.ParseQuorum("2/3")
	ok(s.t, err)
	f.Creation = world.Creation{
		Access: session.Access{
			Dir:     dir,
			Library: r.String("module-path"),
		}, Label: "contoso", Suite: statement.SuiteDefault,
		Rehearsal: true, CardOrder: world.CardOrder{Quorum: q, Media: f.Media},
	}
}

func flags(name string) []cli.Flag {
	text := func(name string) cli.Flag { return &cli.StringFlag{Name: name} }
	all := slices.Concat(dialogue.SessionFlags(), dialogue.TargetFlags(), dialogue.AttestationFlags())
	if name == "passphrase" {
		all = []cli.Flag{text("card")}
	}
	for _, option := range []string{
		"pin-file", "new-pin-file", "so-pin-file", "module", "out", "to", "module-path", "plainname", "replaces", "curve",
	} {
		all = append(all, text(option))
	}
	if slices.Contains([]string{"restore", "generate", "modify", "package"}, name) {
		all = append(all, &cli.StringSliceFlag{Name: "ident"})
	} else {
		all = append(all, text("ident"))
	}
	for _, option := range []string{"kek", "world-package", "subscription-id"} {
		all = append(all, &cli.StringSliceFlag{Name: option})
	}
	for option, value := range map[string]string{"type": "RSA", "protect": "module", "pubexp": ""} {
		all = append(all, &cli.StringFlag{Name: option, Value: value})
	}
	return append(all, &cli.BoolFlag{Name: "all"}, &cli.IntFlag{Name: "size"}, &cli.IntFlag{Name: "jobs"}, &cli.BoolFlag{Name: "rehearsal"},
		&cli.BoolFlag{Name: "without-quorum"})
}

func refused(t *testing.T, line string, err error, code exitcode.Code, text, hint string) {
	t.Helper()
	if err == nil || exitcode.Of(err) != code || err.Error() != text || exitcode.HintOf(err) != hint {
		t.Errorf(
			"%s:\n got %d %v\n     %s\nwant %d %s\n     %s",
			line,
			exitcode.Of(err),
			err,
			exitcode.HintOf(err),
			code,
			text,
			hint,
		)
	}
}

// saying is what f says.
func (s *stage) saying(f *preflight.Facts, say func(*preflight.Facts)) string {
	var said bytes.Buffer
	f.Run.Console.Err = &said
	say(f)
	return said.String()
}
