package preflight

import (
	"slices"

	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/hsmattest"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/plan"
	"byok/internal/printable"
	"byok/internal/statement"
	"byok/internal/toolset"
)

// Order is one key that a command is about, and for a transfer the KEK that it
// goes to.
type Order struct {
	Ident string
	Key   *kmdata.Key // that Ident names
	KEK   int         // which of Facts.KEKs
	// Target is the key as it is to be in the vault.
	Target statement.Target
	// Attestation is what the HSM's vendor attests of the key, where it was given.
	Attestation hsmattest.Attached
	// Before is the statement that approved the same before; the zero Entry for
	// none.
	Before kmdata.Entry
	// Package is the package that is asked for, and Packed the one that an earlier
	// run has written; without paths where there is none.
	Package packing.Request
	Packed  packing.Packed

	number  int        // of the key among those that were named, from 0
	planned *plan.Key  // nil without a plan
	pair    *plan.Pair // the plan's, with a vault; nil without a plan
}

// orders reads which keys a command is about: --ident, once per key, or with --all
// every key of the plan.
func (f *Facts) orders() error {
	if err := f.Run.NoArgs(); err != nil {
		return err
	}
	idents, err := f.idents()
	if err != nil {
		return err
	}
	for i, ident := range idents {
		if err := keykind.CheckIdent(ident); err != nil {
			return exitcode.Mark(exitcode.Usage, err)
		}
		o := Order{Ident: ident, number: i}
		if f.Plan != nil {
			o.planned = &f.Plan.Keys[i]
		}
		f.Orders = append(f.Orders, o)
	}
	f.Order = f.Orders[0]
	return nil
}

func (f *Facts) idents() ([]string, error) {
	idents, all, file := f.Run.StringSlice("ident"), f.Run.Bool("all"), f.Run.String("plan")
	switch {
	case all == (len(idents) > 0):
		return nil, exitcode.Errorf(exitcode.Usage, "%s needs --ident NAME, once per key, or --all with --plan", f.command()).
			Hint("%s --help", f.Run.Command.HelpName)
	case !all:
		return idents, twice("--ident", idents)
	case file == "":
		return nil, exitcode.Errorf(exitcode.Usage, "%s: --all is every key of a plan", f.command()).
			Hint("--plan PLAN")
	}
	var err error
	if f.Plan, err = f.Run.Plan(); err != nil {
		return nil, err
	}
	for _, k := range f.Plan.Keys {
		idents = append(idents, k.Ident)
	}
	return idents, nil
}

func (f *Facts) command() string { return f.Run.Event.Command }

// twice refuses a value that an option gets twice.
func twice(option string, values []string) error {
	seen := make(map[string]bool, len(values))
	for _, v := range values {
		if seen[v] {
			return exitcode.Errorf(exitcode.Usage, "%s %s is given twice", option, printable.Quote(v))
		}
		seen[v] = true
	}
	return nil
}

// each makes checks of a key checks of all keys.
func each(checks ...Check) (list []Check) {
	for _, c := range checks {
		list = append(list, Check{c.Name, func(f *Facts) error { return f.each(c.refuse) }})
	}
	return list
}

func (f *Facts) each(refuse func(*Facts) error) (err error) {
	all := *f
	if f.Chain != nil && len(f.Orders) > 1 {
		if all.Chain, err = f.Chain.Listed(); err != nil {
			return err
		}
	}
	for i := range f.Orders {
		one := all
		one.Order = f.Orders[i]
		if err := refuse(&one); err != nil {
			return err
		}
		f.Orders[i] = one.Order
	}
	if len(f.Orders) > 0 {
		f.Order = f.Orders[0]
	}
	return nil
}

// spread has each key go to each KEK, or with a plan to those of the vaults that
// it names.
func (f *Facts) spread() error {
	if f.Plan != nil {
		return f.asPlanned()
	}
	var list []Order
	for _, o := range f.Orders {
		for o.KEK = range f.KEKs {
			list = append(list, o)
		}
	}
	f.Orders, f.Order = list, list[0]
	return nil
}

// asPlanned finds the KEK of each vault of the plan.
func (f *Facts) asPlanned() error {
	f.toVaults()
	for i := range f.Orders {
		o := &f.Orders[i]
		at := address(o.pair.Vault.Address)
		o.KEK = slices.IndexFunc(f.KEKs, func(p toolset.Pair) bool { return p.KEK().KID.Vault == at })
		if o.KEK < 0 {
			return exitcode.Errorf(exitcode.Refused, "%s goes to %s, and no KEK package is given that is of %s", o.Ident,
				o.pair.Vault.Name, at).
				Hint("give -k and -w once per vault, in the same order")
		}
	}
	f.Order = f.Orders[0]
	return nil
}

// toVaults has each key go to the vaults that the plan names.
func (f *Facts) toVaults() {
	named := make(map[string]Order, len(f.Orders))
	for _, o := range f.Orders {
		named[o.Ident] = o
	}
	var list []Order
	for _, pair := range f.Plan.Pairs() {
		o := named[pair.Key.Ident]
		o.pair = &pair
		list = append(list, o)
	}
	f.Orders, f.Order = list, list[0]
}

// address is a vault's URL as a KEK names it.
func address(text string) string {
	if u, err := kek.ParseVault(text); err == nil {
		return u
	}
	return text
}

// Pair are the packages of the order's KEK.
func (f *Facts) Pair() toolset.Pair { return f.KEKs[f.KEK] }

// target reads what the key is to be in the vault: from the plan, or from the
// options.
func (f *Facts) target() (err error) {
	asked := dialogue.AskedOf(f.Run)
	switch names := f.Run.StringSlice("key-friendly-name"); {
	case f.planned != nil:
		k := f.planned
		asked = dialogue.Asked{
			Name:          k.Called(),
			KeyOps:        k.Operations,
			Exportable:    k.Exportable,
			ReleasePolicy: k.ReleasePolicy,
		}
	case f.number < len(names):
		asked.Name = names[f.number]
	default:
		asked.Name = f.Ident
	}
	f.Target, err = dialogue.Target(f.Run, f.Key, asked)
	f.Target.Vault = f.Pair().KEK().KID.Vault
	return err
}

// names refuses names for some of the keys: each has one, or all have their
// idents.
func (f *Facts) names() error {
	names, named := f.Run.StringSlice("key-friendly-name"), f.Orders[len(f.Orders)-1].number+1
	if len(names) != 0 && len(names) != named {
		return exitcode.Errorf(exitcode.Usage,
			"%s and %d --key-friendly-name: expected one name per key, in the same order, or none",
			printable.Count(named, "key"), len(names))
	}
	return twice("--key-friendly-name", names)
}

// nameGiven refuses a single key without a name: of one key people say what it is to
// be called, and several may have their idents.
func (f *Facts) nameGiven() error {
	if f.Plan != nil || len(f.Orders) > 1 || f.Run.IsSet("key-friendly-name") {
		return nil
	}
	return exitcode.Errorf(exitcode.Usage, "%s needs --key-friendly-name", f.command()).
		Hint("%s --help", f.Run.Command.HelpName)
}

// before finds the statement that approved the same before. To run a command of
// one key again, no one need be called; of several, those that are left go on.
func (f *Facts) before() error {
	entry, found, err := keys.Approved(f.Chain, f.Key, f.Pair().KEK().KID, f.Target)
	if err != nil || !found {
		return err
	}
	f.Before = entry
	return nil
}

// sayBefore says what was approved before.
func (f *Facts) sayBefore() error {
	done := 0
	for _, o := range f.Orders {
		if o.Before.Statement != nil {
			done++
		}
	}
	switch {
	case done == 0:
	case len(f.Orders) == 1:
		f.UI.Warn(
			f.Before.String() + " approved this already: byok-offline package writes the package, without the cards; " +
				"go on only for a second approval",
		)
	default:
		f.UI.Say("%d of %d approved already, %d left", done, len(f.Orders), len(f.Orders)-done)
	}
	return nil
}
