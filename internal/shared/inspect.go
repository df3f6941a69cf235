package shared

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/anatomy"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/quorum"
	"byok/internal/strictjson"
	"byok/internal/term"
	"byok/internal/toolset"
)

const inspectText = `Shows what a file says and checks only its form: signatures, hashes and
attestations are checked by the commands that use the file.

The words of a KEK's fingerprint are shown only with --show-words: whoever has
to type what the vault's owner said over another channel must not read them
here.

--explain takes a .byok apart by arithmetic: for which KEK and of what it can be,
and why a vault may have refused it.`

// Inspect is the command that shows what a file of the project holds. It checks
// only the file's form.
func Inspect(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:        "inspect",
		Usage:       "show the contents of a .byok, a manifest, a package, a toolset zip or a file of kmdata",
		ArgsUsage:   "FILE",
		Description: inspectText,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "show-words", Usage: "show a KEK's fingerprint too, in hex and in words"},
			&cli.BoolFlag{Name: "explain", Usage: "say why a vault may have refused a .byok"},
		},
		Action: p.Action(command.WithFile("FILE", func(r *command.Run, path string) (command.Result, error) {
			data, err := r.ReadFile(path, toolset.MaxZip)
			if err != nil {
				return nil, err
			}
			if r.Bool("explain") {
				return explainView{path, anatomy.Of(path, data)}, nil
			}
			v, err := inspect(path, data, r.Bool("show-words"))
			if errors.Is(err, errForeign) {
				err = exitcode.Hint(err, "%s fingerprint %s", r.Program.Name, term.Quote(path))
			}
			return v, err
		})),
	}
}

// form is a row of the table of files that there are. A file is of a form by
// its type field, or by how it begins, or, where it is damaged, by its name.
type form struct {
	title    string
	typ      string // of a JSON file; "" for others
	begins   string
	contains string // a JSON field that a file without a type has
	prefix   string // of the file's name
	suffix   string
	read     func(title, name string, data []byte) (inspectView, error)
}

// forms is the table. Where several rows fit, the first one counts.
func forms() []form {
	return []form{
		{title: "toolset zip", begins: "PK\x03\x04", read: inspectZip},
		{title: "KEK package", typ: toolset.KEKType, prefix: "BYOK-KEK-pkg-", read: inspectKEK},
		{title: "SecurityWorld package", typ: toolset.SecurityWorldType, prefix: "BYOK-SecurityWorld-pkg-",
			read: inspectWorld},
		{title: "transfer manifest", typ: "byok-transfer-manifest", suffix: ".manifest.json", read: inspectManifest},
		{title: "transfer package (.byok)", contains: "schema_version", suffix: ".byok", read: inspectBlob},
		{title: "security world, statement 1", typ: "byok-world", read: inspectStatement},
		{title: "module statement", typ: "byok-module", read: inspectStatement},
		{title: "card replacement statement", typ: "byok-cards", read: inspectStatement},
		{title: "origin statement", typ: "byok-origin", read: inspectStatement},
		{title: "authorization", typ: "byok-authorization", read: inspectStatement},
		{title: "seal statement", typ: "byok-seal", read: inspectStatement},
		{title: "key file", typ: "byok-key", read: inspectJSON},
		{title: "record of a destroyed key", typ: "byok-retired", read: inspectJSON},
		{title: "proof of possession by the vault", typ: "byok-proof", read: inspectJSON},
		{title: "header of an administrator card", typ: "byok-card-header", read: inspectJSON},
		{title: "list of known worlds", typ: "byok-worlds", read: inspectJSON},
		{title: "program that made a bundle", typ: "byok-software", read: inspectJSON},
		{title: "challenge to a vault", typ: "byok-challenge", read: inspectJSON},
		{title: "note of an interrupted command", typ: "byok-pending", suffix: ".pending", read: inspectJSON},
		{title: "note of a download that is under way", typ: "byok-partial-download", read: inspectJSON},
		{title: "hashes of a toolset", prefix: toolset.SumsName, read: inspectOpaque},
		{title: "administrator card, OPEN: it holds a share; destroy it", typ: quorum.CardType, read: inspectOpaque},
		{title: "plan of a ceremony", begins: "# The plan of a key ceremony.", prefix: "plan.yaml", read: inspectOpaque},
		{title: "administrator card, sealed (age)", begins: "age-encryption.org/v1\n", read: inspectOpaque},
		{title: "ceremony log", begins: `{"seq":`, read: inspectLog},
		{title: "signature", suffix: ".sig", read: inspectOpaque},
		{title: "what an HSM's vendor attests of a key", suffix: ".hsm-attestation", read: inspectAttestation},
	}
}

func formOf(name string, data []byte) (form, bool) {
	typ, _ := strictjson.TypeOf(name, data, len(data)) // a damaged file goes by its name
	fits := []func(f form) bool{
		func(f form) bool { return f.typ != "" && f.typ == typ },
		func(f form) bool { return f.begins != "" && bytes.HasPrefix(data, []byte(f.begins)) },
		func(f form) bool {
			return f.contains != "" && bytes.Contains(data[:min(len(data), 4096)], []byte(`"`+f.contains+`"`))
		},
		func(f form) bool { return f.prefix != "" && strings.HasPrefix(name, f.prefix) },
		func(f form) bool { return f.suffix != "" && strings.HasSuffix(name, f.suffix) },
	}
	for _, fit := range fits {
		for _, f := range forms() {
			if fit(f) {
				return f, true
			}
		}
	}
	return form{}, false
}

// errForeign says that no row of the table fits a file.
var errForeign = errors.New("not a file of this project, as far as its contents and its name say")

func inspect(path string, data []byte, words bool) (command.Result, error) {
	f, ok := formOf(filepath.Base(path), data)
	if !ok {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", path, cmp.Or(strictjson.CheckEncoding(data), errForeign))
	}
	v, err := f.read(f.title, path, data)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	if words && v.kek != nil {
		v.Fingerprint = &fingerprintWords{*v.kek, v.kek.Words()}
	}
	return v, nil
}

// Print implements [command.Result].
func (v inspectView) Print(w io.Writer) error {
	rows := [][]string{{"file", v.Kind}}
	for _, f := range v.Fields {
		rows = append(rows, []string{f.Name, f.Value})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	var text string
	if v.Remark != "" {
		text = term.Printable(v.Remark) + "\n"
	}
	if f := v.Fingerprint; f != nil { // at the left margin, so that it fits
		text += "fingerprint of the KEK\n" + f.SHA256.Groups() + "\n" + strings.Join(f.SHA256.Rows(), "\n") + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}
