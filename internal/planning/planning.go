// Package planning is the commands of byok-online that reckon with a plan.
//
// Give [Commands] to the program. What is reckoned is in package simulation.
package planning

import (
	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/onlineview"
	"byok/internal/plan"
	"byok/internal/simulation"
)

const simulateText = `Says how long upload takes within the limits that the service documents, and how
keys are best spread over vaults. It connects nowhere.

Give the numbers of vaults and keys, or a plan, whose keys go where it says. All
vaults are of one region. The time is that of the limits alone: neither the network
nor the vault's own work is in it.`

// Commands returns the group plan.
func Commands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "plan", Usage: "how long a plan takes", Subcommands: []*cli.Command{{
		Name:        "simulate",
		Usage:       "work out how long uploading takes, and the best spread over vaults",
		Description: simulateText,
		Action:      p.Action(command.WithoutFiles(simulate)),
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "vaults", Usage: "`NUMBER` of vaults"},
			&cli.IntFlag{Name: "keys", Usage: "`NUMBER` of keys, each for one of the vaults"},
			&cli.IntFlag{Name: "subscriptions", Usage: "`NUMBER` of subscriptions that the vaults are in", Value: 1},
			&cli.StringFlag{Name: "service", Usage: "`SERVICE` of the vaults", Value: kek.ServiceVault},
			&cli.StringFlag{Name: "plan", Usage: "`PLAN` in place of the numbers"},
		},
	}}}
}

func simulate(r *command.Run) (command.Result, error) {
	vaults, err := simulated(r)
	if err != nil {
		return nil, err
	}
	return onlineview.OfSimulation(vaults), nil
}

// simulated are the vaults of the plan, or those that the numbers describe.
func simulated(r *command.Run) ([]simulation.Vault, error) {
	if !r.IsSet("plan") {
		f := simulation.Fleet{
			Service:       r.String("service"),
			Vaults:        r.Int("vaults"),
			Subscriptions: r.Int("subscriptions"),
			Keys:          r.Int("keys"),
		}
		if err := f.Check(); err != nil {
			return nil, err
		}
		return simulation.Spread(f), nil
	}
	for _, name := range []string{"vaults", "keys", "subscriptions", "service"} {
		if r.IsSet(name) {
			return nil, exitcode.Errorf(exitcode.Usage, "--%s and --plan are mutually exclusive", name)
		}
	}
	p, _, err := plan.Held(r.String("plan"))
	if err != nil {
		return nil, err
	}
	return simulation.OfPlan(p), nil
}
