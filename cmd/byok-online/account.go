package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/onlineview"
	"byok/internal/rehearsal"
	"byok/internal/term"
)

// loginCommand, subscriptionCommands and vaultCommands show who is at work and
// what that account can reach.
func loginCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:   "login",
		Usage:  "sign in and show account, tenant and cloud (Connect-AzAccount)",
		Action: p.Action(command.WithoutFiles(debuggable(login))),
		Flags:  append(signInFlags(), rehearsalFlag()),
	}
}

func subscriptionCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "subscription", Usage: "the subscriptions of the account", Subcommands: []*cli.Command{{
		Name:   "list",
		Usage:  "list them with their ids (Get-AzSubscription)",
		Action: p.Action(command.WithoutFiles(debuggable(listSubscriptions))),
		Flags:  append(managerFlags(), rehearsalFlag()),
	}}}
}

func vaultCommands(p *command.Program) *cli.Command {
	return &cli.Command{Name: "vault", Usage: "the vaults of a subscription", Subcommands: []*cli.Command{{
		Name:   "list",
		Usage:  "list Premium vaults and Managed HSMs",
		Action: p.Action(command.WithoutFiles(debuggable(listVaults))),
		Flags: with(managerFlags(),
			&cli.StringFlag{Name: "subscription-id", Usage: "`UUID` of the subscription", Required: true}),
	}}}
}

func login(r *command.Run) (command.Result, error) {
	if r.IsSet("rehearsal") {
		return rehearsed(r, onlineview.RehearsalIdentity)
	}
	a, err := signIn(r)
	if err != nil {
		return nil, err
	}
	who, err := azure.Who(r.Context.Context, a.cred, a.cloud, r.String("tenant"))
	if err != nil {
		return nil, err
	}
	return onlineview.Identity{Identity: who}, nil
}

// rehearsed is what a rehearsal vault's folder has in place of an account.
func rehearsed[R command.Result](r *command.Run, of func(*rehearsal.Client) R) (command.Result, error) {
	c, err := openRehearsal(r, r.String("rehearsal"))
	if err != nil {
		return nil, err
	}
	warnOfRehearsal(r)
	return of(c), nil
}

func manager(r *command.Run) (*azure.Manager, error) {
	a, err := signIn(r)
	if err != nil {
		return nil, err
	}
	return azure.NewManager(a.cred, a.cloud, a.http)
}

func listSubscriptions(r *command.Run) (command.Result, error) {
	if r.IsSet("rehearsal") {
		return rehearsed(r, onlineview.RehearsalSubscriptions)
	}
	m, err := manager(r)
	if err != nil {
		return nil, err
	}
	list, err := m.Subscriptions(r.Context.Context)
	if err != nil {
		return nil, err
	}
	return onlineview.Subscriptions{Subscriptions: list}, nil
}

func listVaults(r *command.Run) (command.Result, error) {
	m, err := manager(r)
	if err != nil {
		return nil, err
	}
	list, err := m.Vaults(r.Context.Context, r.String("subscription-id"))
	if err != nil {
		return nil, err
	}
	v := vaultsView{Vaults: []azure.Vault{}}
	for _, one := range list {
		if one.TakesBYOK() {
			v.Vaults = append(v.Vaults, one)
		}
	}
	return v, nil
}

type vaultsView struct {
	Vaults []azure.Vault `json:"vaults"`
}

// Print implements command.Result.
func (v vaultsView) Print(w io.Writer) error {
	rows := [][]string{{"NAME", "SERVICE", "SKU", "LOCATION", "URL", "STATE"}}
	for _, one := range v.Vaults {
		rows = append(rows, []string{one.Name, one.Service, one.SKU, one.Location, one.URL, one.State})
	}
	return term.Table(w, rows)
}
