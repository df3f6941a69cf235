package main

import (
	"io"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/publish"
	"byok/internal/term"
	"byok/internal/toolset"
)

func buildCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "build",
		Usage:  "make KEK and SecurityWorld packages from a live vault",
		Action: p.Step(command.WithoutFiles(debuggable(buildToolset))),
		Flags: with(vaultFlags(),
			&cli.StringFlag{Name: "kek", Usage: "`NAME` of the KEK in the vault", Required: true},
			&cli.StringFlag{Name: "suffix", Usage: "`SUFFIX` of the packages: 1 to 32 of A-Z and 0-9", Required: true},
			&cli.IntFlag{Name: "generation", Usage: "`NUMBER` of the packages", Value: 1},
			&cli.StringFlag{Name: "location", Usage: "Azure `REGION` of the vault, for the record"},
			&cli.StringFlag{Name: "subscription-id", Usage: "`UUID` of the vault's subscription, for the record"},
			&cli.StringFlag{Name: "out", Usage: "`DIR` for the zip", Required: true}),
	}
}

// buildToolset makes the toolset of a KEK in a live vault. What the
// disconnected workstation will check is checked here before anything is written.
func buildToolset(r *command.Run) (command.Result, error) {
	c, err := connect(r)
	if err != nil {
		return nil, err
	}
	t, err := publish.Build(r.Context.Context, c.Client, r.String("kek"), c.describe(r), time.Now())
	for _, w := range t.Warnings {
		r.Console.Warning("%s", w)
	}
	if err != nil {
		return nil, err
	}
	return writeToolset(r, t)
}

// describe is what the packages say of the vault.
func (c *connection) describe(r *command.Run) publish.Description {
	d := publish.Description{
		Suffix:       r.String("suffix"),
		Generation:   r.Int("generation"),
		Mark:         c.Address().Mark(),
		Service:      c.Address().Service(),
		Cloud:        c.cloud.Name,
		Location:     r.String("location"),
		Tenant:       c.tenant,
		Subscription: r.String("subscription-id"),
	}
	if c.rehearsal != nil {
		d.Service, d.RehearsalRoot = c.rehearsal.Service, string(c.rehearsal.AttestationRoot)
	}
	return d
}

func writeToolset(r *command.Run, t publish.Toolset) (command.Result, error) {
	data, err := t.Pair.Zip()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(r.String("out"), toolset.ZipName(t.Pair.KEK().Suffix))
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return nil, err
	}
	sum, kid := fingerprint.Of(data), t.Pair.KEK().KID
	r.Event.AddOutput(path, sum)
	r.Event.AddNote("KEK", kid.String())
	return toolsetView{
		Path:           path,
		SHA256:         sum,
		Words:          sum.Words(),
		KID:            kid,
		Mark:           t.Pair.KEK().Mark,
		Attested:       t.Attested,
		KEKFingerprint: t.Fingerprint,
		KEKWords:       t.Fingerprint.Words(),
	}, nil
}

// toolsetView is a new toolset and the hash to publish by another way.
type toolsetView struct {
	Path           string          `json:"path"`
	SHA256         fingerprint.Sum `json:"sha256"`
	Words          []string        `json:"words"`
	KID            kek.ID          `json:"kid"`
	Mark           kek.Mark        `json:"mark"`
	Attested       bool            `json:"attested"`
	KEKFingerprint fingerprint.Sum `json:"kek_spki_sha256"`
	KEKWords       []string        `json:"kek_words"`
}

func (v toolsetView) Print(w io.Writer) error {
	attested := "no: compare the KEK's fingerprint over a second channel"
	if v.Attested {
		attested = "yes, and the attestation verifies"
	}
	rows := [][]string{{"toolset", v.Path}}
	rows = append(rows, sumRows("SHA-256", v.SHA256)...)
	rows = append(rows, []string{"KEK", v.KID.String()}, []string{"for", string(v.Mark)}, []string{"attested", attested})
	rows = append(rows, sumRows("KEK fingerprint", v.KEKFingerprint)...)
	return term.Table(w, rows)
}

// sumRows are a sum in hex and in words, as people compare it.
func sumRows(name string, sum fingerprint.Sum) [][]string {
	rows := [][]string{{name, sum.Groups()}}
	for _, row := range sum.Rows() {
		rows = append(rows, []string{"", row})
	}
	return rows
}
