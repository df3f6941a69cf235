package command

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/exitcode"
	"byok/internal/term"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// Inspect is the command that says what a file of the shared package format
// holds, the same in both programs. It proves nothing but the file's form.
func Inspect(p *Program) *cli.Command {
	return &cli.Command{
		Name: "inspect", Usage: "say what a .byok, manifest, KEK or SecurityWorld package or toolset zip holds", ArgsUsage: "FILE",
		Action: p.Action(func(r *Run) (Result, error) {
			path, err := r.Arg("FILE")
			if err != nil {
				return nil, err
			}
			data, err := r.ReadFile(path, toolset.MaxZip)
			if err != nil {
				return nil, err
			}
			return inspect(path, data)
		}),
	}
}

// reader turns one kind of file into rows to print, or says what is wrong with it.
type reader func(name string, data []byte) (inspectView, error)

func inspect(path string, data []byte) (Result, error) {
	name := filepath.Base(path)
	read := readerFor(name, data)
	if read == nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: is no .byok, manifest, KEK or SecurityWorld package or toolset zip", path)
	}
	v, err := read(path, data)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	return v, nil
}

// readerFor goes by the content first and by the name where the content does
// not tell; nil means no file of ours.
func readerFor(name string, data []byte) reader {
	head := string(data[:min(len(data), 4096)])
	switch {
	case strings.HasPrefix(head, "PK\x03\x04"):
		return inspectZip
	case strings.Contains(head, `"`+toolset.KEKType+`"`):
		return inspectKEK
	case strings.Contains(head, `"`+toolset.SecurityWorldType+`"`):
		return inspectWorld
	case strings.Contains(head, `"byok-transfer-manifest"`):
		return inspectManifest
	case strings.HasSuffix(name, ".byok"), strings.Contains(head, `"schema_version"`):
		return inspectBlob
	case strings.HasPrefix(name, "BYOK-KEK-pkg-"):
		return inspectKEK
	case strings.HasPrefix(name, "BYOK-SecurityWorld-pkg-"):
		return inspectWorld
	}
	return nil
}

func inspectBlob(name string, data []byte) (inspectView, error) {
	b, err := transfer.ParseBlob(name, data)
	if err != nil {
		return inspectView{}, err
	}
	return view("transfer package (.byok)", "KEK", b.KEK.String(), "generator", b.Generator, "ciphertext", fmt.Sprintf("%d bytes", len(b.Ciphertext))), nil
}

func inspectManifest(name string, data []byte) (inspectView, error) {
	m, err := transfer.ParseManifest(name, data)
	if err != nil {
		return inspectView{}, err
	}
	return view("transfer manifest", "rehearsal", fmt.Sprint(m.Rehearsal), "name", m.Name, "key", m.Key.Ident,
		"kind", strings.TrimSpace(fmt.Sprintf("%s %d %s", m.Key.KTY, m.Key.Bits, m.Key.Crv)), "key_ops", strings.Join(m.Key.KeyOps, " "),
		"thumbprint", m.Key.Thumbprint, "check value", m.Key.CheckValue, "KEK", m.KEK.KID.String(), "KEK attested", fmt.Sprint(m.KEK.Attested),
		"subscription", m.SubscriptionID, "hknso", m.World.HKNSO.String(), "module serial", m.World.ModuleSerial,
		"permissions", strings.Join(m.Permissions, " "), "made by", m.Generator, "created", date(m.Created), ".byok SHA-256", m.Blob.SHA256.String()), nil
}

func inspectKEK(name string, data []byte) (inspectView, error) {
	k, err := toolset.ParseKEKPackage(name, data)
	if err != nil {
		return inspectView{}, err
	}
	return view("KEK package", append(kekRows(k), "SecurityWorld SHA-256", k.SecurityWorld.String())...), nil
}

func inspectWorld(name string, data []byte) (inspectView, error) {
	s, err := toolset.ParseSecurityWorldPackage(name, data)
	if err != nil {
		return inspectView{}, err
	}
	head := []string{"rehearsal", fmt.Sprint(s.Rehearsal), "suffix", s.Suffix, "generation", fmt.Sprint(s.Generation)}
	return view("SecurityWorld package", append(head, worldRows(s)...)...), nil
}

func inspectZip(name string, data []byte) (inspectView, error) {
	k, s, err := toolset.Unzip(name, data)
	if err != nil {
		return inspectView{}, err
	}
	return view("toolset zip", append(kekRows(k), worldRows(s)...)...), nil
}

// kekRows are a KEK package's names and values, in turn.
func kekRows(k toolset.KEKPackage) []string {
	return []string{"rehearsal", fmt.Sprint(k.Rehearsal), "suffix", k.Suffix, "generation", fmt.Sprint(k.Generation), "KEK", k.KID.String(), "key_ops", strings.Join(k.KeyOps, " "),
		"HSM platform", k.HSMPlatform, "attestation", yes(k.Attestation != nil), "created", date(k.Created), "expires", date(k.Expires)}
}

// worldRows are a SecurityWorld package's names and values, but for those that
// its KEK package has too.
func worldRows(s toolset.SecurityWorldPackage) []string {
	return []string{"service", s.Service, "cloud", s.Cloud, "vault", s.Vault, "location", s.Location, "tenant", s.Tenant, "subscription", s.Subscription}
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "none"
}

// inspectView is the kind of a file and its fields, in order.
type inspectView struct {
	Kind   string         `json:"kind"`
	Fields []inspectField `json:"fields"`
}

type inspectField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// view takes names and values in turn; a field without a value is left out.
func view(kind string, pairs ...string) inspectView {
	v := inspectView{Kind: kind}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Fields = append(v.Fields, inspectField{pairs[i], pairs[i+1]})
		}
	}
	return v
}

func (v inspectView) Print(w io.Writer) error {
	rows := [][]string{{"file", v.Kind}}
	for _, f := range v.Fields {
		rows = append(rows, []string{f.Name, f.Value})
	}
	return term.Table(w, rows)
}
