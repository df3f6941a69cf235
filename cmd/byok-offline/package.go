package main

import (
	"io"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/version"
	"byok/internal/world"
)

func packageCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name: "package", Usage: "wrap the transfer copy for the vault (KeyTransferRemote -Package)", Action: p.Step(pack),
		Flags: slices.Concat([]cli.Flag{modulePathFlag(), pinFileFlag(), identFlag()}, packageFlags(), unattestedFlags(), []cli.Flag{
			&cli.StringFlag{Name: "subscription-id", Usage: "`UUID` of the Azure subscription that holds the vault"},
			&cli.StringFlag{Name: "key-friendly-name", Usage: "`NAME` that the key shall have in the vault"},
			&cli.StringFlag{Name: "out", Usage: "`DIR` for the package", Value: "."},
		}),
	}
}

func pack(r *command.Run) (command.Result, error) {
	request, err := packRequest(r)
	if err != nil {
		return nil, err
	}
	w, err := openWorld(r)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if request.KEK, err = checkedKEK(r, w.World); err != nil {
		return nil, err
	}
	request.Warn = warning(r)
	op, err := w.login(r)
	if err != nil {
		return nil, err
	}
	packed, err := op.Package(request)
	if err != nil {
		return nil, err
	}
	return describePacked(r, packed)
}

func packRequest(r *command.Run) (world.PackRequest, error) {
	q := world.PackRequest{
		Ident: r.String("ident"), SubscriptionID: r.String("subscription-id"), FriendlyName: r.String("key-friendly-name"),
		Dir: r.String("out"), Generator: "byok-offline " + version.String(),
	}
	if err := r.NoArgs(); err != nil {
		return q, err
	}
	for _, flag := range []string{"ident", "subscription-id", "key-friendly-name"} {
		if _, err := r.Required(flag); err != nil {
			return q, err
		}
	}
	if err := world.CheckIdent(q.Ident); err != nil {
		return q, err
	}
	if !transfer.IsUUID(q.SubscriptionID) {
		return q, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "--subscription-id %s: a UUID is expected", q.SubscriptionID),
			"byok-online subscription list, on the connected workstation, shows it")
	}
	if _, err := transfer.Names(q.FriendlyName); err != nil {
		return q, exitcode.Mark(exitcode.Usage, err)
	}
	return q, nil
}

// packedView is what is shown of a new transfer package.
type packedView struct {
	Manifest transfer.Manifest `json:"manifest"`
	Files    []packedFile      `json:"files"`
}

type packedFile struct {
	Path   string          `json:"path"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

func describePacked(r *command.Run, p world.Packed) (command.Result, error) {
	v := packedView{Manifest: p.Package.Manifest}
	for _, path := range p.Paths {
		sum, err := fingerprint.File(path)
		if err != nil {
			return nil, err
		}
		r.Event.AddOutput(path, sum)
		v.Files = append(v.Files, packedFile{path, sum})
	}
	return v, nil
}

func (v packedView) Print(w io.Writer) error {
	m := v.Manifest
	rows := [][]string{{"key", m.Key.Ident + standing(m.Rehearsal)}, {"for the vault's", m.Key.KTY + " " + m.Key.Crv}, {"KEK", m.KEK.KID.String()}}
	for i, f := range v.Files {
		rows = append(rows, []string{filepath.Base(f.Path), f.SHA256.Groups()})
		if i == 0 { // the .byok's words, to be compared on the other side
			for _, row := range f.SHA256.Rows() {
				rows = append(rows, []string{"", row})
			}
		}
	}
	return term.Table(w, rows)
}
