package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/rehearsal"
	"byok/internal/term"
)

func rehearsalCommands(p *command.Program) *cli.Command {
	services := rehearsal.ManagedHSM + " or " + rehearsal.Vault
	return &cli.Command{Name: "rehearsal", Usage: "a practice vault, on this machine", Subcommands: []*cli.Command{
		{
			Name:        "serve",
			Usage:       "run a simulated Managed HSM or Premium vault until interrupted",
			Action:      p.Action(command.WithoutFiles(serve)),
			Description: rehearsal.FaultHelp(),
			Flags: []cli.Flag{
				stateFlag(),
				&cli.StringFlag{
					Name:  "listen",
					Usage: "`ADDRESS` to listen at, of loopback; port 0 picks a free one",
					Value: "127.0.0.1:8443",
				},
				&cli.StringFlag{Name: "service", Usage: "`SERVICE` to simulate: " + services},
				&cli.StringFlag{
					Name: "limit",
					Usage: "`KEYS/TIME` that may be made and imported, such as 10/10s, " +
						"or documented: the service's own (default: no limit)",
				},
				&cli.StringSliceFlag{Name: "fault", Usage: "`FAULT` to simulate, see above"},
			},
		},
		{
			Name:        "faults",
			Usage:       "show the faults of a running rehearsal vault, or replace them",
			ArgsUsage:   "FAULT …",
			Action:      p.Action(setFaults),
			Description: rehearsal.FaultHelp(),
			Flags:       []cli.Flag{stateFlag(), &cli.BoolFlag{Name: "clear", Usage: "switch all faults off"}},
		},
	}}
}

func stateFlag() cli.Flag {
	return &cli.StringFlag{Name: "state", Usage: "`DIR` of the vault's state, created if missing", Required: true}
}

func serve(r *command.Run) (command.Result, error) {
	r.Event.Rehearsal = true
	c := rehearsal.Config{
		State:   r.String("state"),
		Listen:  r.String("listen"),
		Service: r.String("service"),
		Limit:   r.String("limit"),
		Faults:  r.StringSlice("fault"),
		Log:     func(line string) { r.Console.Say("%s", line) },
	}
	var unprinted error
	err := rehearsal.Serve(r.Context.Context, c, func(i rehearsal.Info) {
		r.Console.Warning("REHEARSAL vault: nothing it holds or proves counts in production")
		_, unprinted = fmt.Fprintln(r.Console.Out, i.URL)
		r.Console.Say("%s of a rehearsal at %s; give the other commands --rehearsal %s",
			i.Service, i.URL, term.Quote(i.State))
	})
	return nil, errors.Join(err, unprinted)
}

// setFaults replaces the faults by those given, or only shows them.
func setFaults(r *command.Run) (command.Result, error) {
	if r.Bool("clear") && r.Args().Present() {
		return nil, exitcode.Errorf(exitcode.Usage,
			"--clear takes no faults; without it, the faults given replace the earlier ones")
	}
	vault, err := rehearsal.Open(r.String("state"))
	if err != nil {
		return nil, err
	}
	r.Event.Rehearsal = true
	change := vault.SetFaults
	if !r.Bool("clear") && !r.Args().Present() {
		change = func(ctx context.Context, _ ...string) ([]string, error) { return vault.Faults(ctx) }
	}
	list, err := change(r.Context.Context, r.Args().Slice()...)
	if err != nil {
		return nil, err
	}
	return faultsView{list}, nil
}

// faultsView lists the faults that are switched on.
type faultsView struct {
	Faults []string `json:"faults"`
}

// Print implements command.Result.
func (v faultsView) Print(w io.Writer) error {
	for _, f := range v.Faults {
		if _, err := fmt.Fprintln(w, term.Printable(f)); err != nil {
			return err
		}
	}
	return nil
}
