package main

import (
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/fingerprint"
	"byok/internal/onlineview"
	"byok/internal/publish"
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
			&cli.StringFlag{Name: "location", Usage: "`REGION` of the vault, for the record"},
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
	return onlineview.Toolset{
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
