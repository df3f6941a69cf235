package main

import (
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/version"
)

func packageCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "package",
		Usage:  "write the transfer package that a quorum approved (KeyTransferRemote -Package)",
		Action: p.Step(pack),
		Flags: []cli.Flag{
			modulePathFlag(), pinFileFlag(), identFlag(),
			text("key-friendly-name",
				"`NAME` in the vault, where the key was approved under several (default: the newest approval)"),
			text("subscription-id", "`UUID` of the Azure subscription that holds the vault"),
			&cli.StringFlag{Name: "out", Usage: "`DIR` for the package", Value: "."},
		},
	}
}

func pack(r *command.Run) (command.Result, error) {
	request, err := packRequest(r)
	if err != nil {
		return nil, err
	}
	return withOperator(r, func(o *session.Operator) (command.Result, error) {
		packed, err := keys.Operator{Operator: o}.Package(request)
		if err != nil {
			return nil, err
		}
		return describePacked(r, packed)
	})
}

func packRequest(r *command.Run) (keys.PackRequest, error) {
	q := keys.PackRequest{
		SubscriptionID: r.String("subscription-id"), Name: r.String("key-friendly-name"),
		Dir: r.String("out"), Generator: "byok-offline " + version.String(),
	}
	var err error
	if q.Ident, err = identOf(r); err != nil {
		return q, err
	}
	if _, err := r.Required("subscription-id"); err != nil {
		return q, err
	}
	if !transfer.IsUUID(q.SubscriptionID) {
		return q, exitcode.Errorf(exitcode.Usage, "--subscription-id %s: a UUID is expected", q.SubscriptionID).
			Hint("byok-online subscription list, on the connected workstation, shows it")
	}
	return q, nil
}

// packedView is what is shown of a new transfer package.
type packedView struct {
	Ident string       `json:"ident"`
	Pair  kmdata.Pair  `json:"approved"`
	Files []packedFile `json:"files"`
}

type packedFile struct {
	Path   string          `json:"path"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

func describePacked(r *command.Run, p keys.Packed) (command.Result, error) {
	v := packedView{Ident: p.Pair.Ident, Pair: p.Pair}
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
	rows := [][]string{
		{
			"key",
			v.Ident,
		}, {"origin", kmdata.OriginText(v.Pair.Origin, v.Pair.Restored)}, {"for KEK", v.Pair.KEK.KID.String()},
		{"in the vault", v.Pair.Target.Name},
	}
	for i, f := range v.Files {
		rows = append(rows, []string{filepath.Base(f.Path), f.SHA256.Groups()})
		if i == 0 { // the words of the .byok are compared on the other side
			for _, row := range f.SHA256.Rows() {
				rows = append(rows, []string{"", row})
			}
		}
	}
	return term.Table(w, rows)
}
