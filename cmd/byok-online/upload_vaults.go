package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
	"byok/internal/transfer"
	"byok/internal/upload"
	"byok/internal/vault/endpoint"
	"byok/internal/vault/pace"
)

// severalRehearsals are flags of which --rehearsal may be given once per vault.
func severalRehearsals(flags []cli.Flag) []cli.Flag {
	for i, f := range flags {
		if one, is := f.(*cli.StringFlag); is && one.Name == "rehearsal" {
			flags[i] = &cli.StringSliceFlag{Name: one.Name, Usage: one.Usage + "; once per vault"}
		}
	}
	return flags
}

// vaults are the connections of an upload, one a vault.
type vaults struct {
	run  *command.Run
	list []*connection
	dirs []string // of rehearsal vaults, each beside its connection
}

// connectVaults connects to the vault that the options name, to the rehearsal
// vaults they name, or else to those that the packages are for. A vault to which
// nothing can be sent is left out, with its packages.
func connectVaults(r *command.Run, b *upload.Batch, foreign bool, rate float64) (*vaults, error) {
	v := &vaults{run: r, dirs: r.StringSlice("rehearsal")}
	if len(v.dirs) > 0 {
		return v, v.rehearse(b, rate)
	}
	url := r.String("vault")
	if foreign || r.Bool("test-vault") {
		var err error
		if url, err = r.Required("vault"); err != nil {
			return nil, err
		}
	}
	a, err := signIn(r)
	if err != nil {
		return nil, err
	}
	if url != "" {
		c, err := a.to(r, url, rate)
		v.list = []*connection{c}
		return v, err
	}
	return v, v.connect(a, b, rate)
}

// rehearse connects to all rehearsal vaults, each once.
func (v *vaults) rehearse(b *upload.Batch, rate float64) error {
	for i, dir := range v.dirs {
		c, err := connectRehearsal(v.run, dir, rate)
		if err != nil {
			return err
		}
		same := func(o *connection) bool { return o.Address() == c.Address() }
		if at := slices.IndexFunc(v.list, same); at >= 0 {
			return exitcode.Errorf(exitcode.Usage, "--rehearsal %s and --rehearsal %s are the same vault",
				v.dirs[at], v.dirs[i])
		}
		v.list = append(v.list, c)
	}
	v.share(b, rate)
	return nil
}

// connect connects to the vaults that packages are for.
func (v *vaults) connect(a account, b *upload.Batch, rate float64) error {
	for _, url := range b.Vaults() {
		address, err := endpoint.Parse(url, endpoint.Allow{Cloud: a.cloud})
		if err != nil {
			b.Refuse(url, err)
			continue
		}
		c, err := a.at(v.run, address, rate)
		if err != nil {
			return err
		}
		v.list = append(v.list, c)
	}
	v.share(b, rate)
	return nil
}

// share has the vaults of each subscription keep to its limit together.
func (v *vaults) share(b *upload.Batch, rate float64) {
	paces := map[string]*pace.Pace{}
	for _, c := range v.list {
		limit := pace.Documented(c.Address().Service()).Scaled(rate)
		subscription := b.Subscription(c.Address().String())
		if limit.Subscription == 0 || subscription == "" {
			continue
		}
		if paces[subscription] == nil {
			paces[subscription] = pace.New(limit.Subscription)
		}
		c.Share(paces[subscription])
	}
}

func (v *vaults) clients() (list []upload.Vault) {
	for _, c := range v.list {
		list = append(list, c.Client)
	}
	return list
}

// confirm is [connection.confirm] for all vaults together, which were listed.
func (v *vaults) confirm(what string) error {
	if len(v.list) == 1 {
		return v.list[0].confirm(v.run, what)
	}
	credential, tenant := v.list[0].identity()
	what += fmt.Sprintf(" in these %d vaults", len(v.list))
	v.run.Console.Say("credential %s, tenant %s", credential, tenant)
	v.run.Event.AddNote("credential", credential)
	v.run.Event.AddNote("tenant", tenant)
	if v.run.Bool("yes") {
		return nil
	}
	if !v.run.Console.Interactive() {
		return exitcode.Errorf(exitcode.Refused, "%s: no terminal to confirm on", what).Hint("pass --yes to proceed")
	}
	return v.run.Console.Confirm(what+"?", "yes")
}

// hintVerify names the next step.
func (v *vaults) hintVerify(items []*upload.Item) {
	proved := func(i *upload.Item) bool { return i.Sent() && i.Approved }
	switch {
	case !slices.ContainsFunc(items, proved):
	case len(items) == 1:
		stem, _ := transfer.Stem(items[0].File)
		v.run.Console.Hint("byok-online verify %s --manifest %s", v.flag(), term.Quote(stem+".manifest.json"))
	case len(v.dirs) == 1:
		v.run.Console.Hint("byok-online verify --all %s", v.flag())
	case len(v.dirs) == 0 && !v.list[0].Address().Test():
		v.run.Console.Hint("byok-online verify --all")
	}
}

// flag is the option that leads to the only vault again, for a hint.
func (v *vaults) flag() string {
	if len(v.dirs) == 1 {
		return "--rehearsal " + term.Quote(v.dirs[0])
	}
	return v.list[0].flag(v.run)
}

// uploadUI is the terminal, with the question of a command that changes vaults.
type uploadUI struct {
	*term.Console
	to *vaults
}

// Progress implements upload.UI.
func (u uploadUI) Progress(what string, total int64) upload.Progress {
	return u.Console.Count(what, total)
}

// Confirm implements upload.UI. Whoever is asked must see what is left out;
// with --yes the result shows it.
func (u uploadUI) Confirm(question string, leftOut []error) error {
	if !u.to.run.Bool("yes") {
		for _, err := range leftOut {
			u.Warning("left out: %v", err)
		}
	}
	return u.to.confirm(question)
}
