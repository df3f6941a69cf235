package preflight

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"byok/internal/acceptance"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/printable"
	"byok/internal/statement"
	"byok/internal/toolset"
)

func (f *Facts) ident() error {
	if err := f.Run.NoArgs(); err != nil {
		return err
	}
	f.Ident = f.Run.String("ident")
	return exitcode.Mark(exitcode.Usage, keykind.CheckIdent(f.Ident))
}

// ofKey reads the key of --ident by a rule of its own.
func ofKey(rule func(*kmdata.Chain, string) (*kmdata.Key, error)) func(*Facts) error {
	return func(f *Facts) (err error) {
		f.Key, err = rule(f.Chain, f.Ident)
		return noNewOne(err)
	}
}

// noNewOne does not offer to make a key of that name: it would be another one.
func noNewOne(err error) error {
	if exitcode.Of(err) != exitcode.Usage {
		return err
	}
	return exitcode.Hint(err, "byok-offline key list shows the keys of this world")
}

// newKey refuses a key that cannot be made, and warns of one that other HSMs and
// services may not take.
func (f *Facts) newKey() error {
	if err := f.Generation.Check(f.Chain); err != nil {
		return err
	}
	if e := f.Generation.Spec.Exponent; e != 0 && e != kek.Exponent {
		f.UI.Warn("public exponent other than 65537: many HSMs, services and libraries take no such key")
	}
	return nil
}

// alone refuses a key without the quorum in a world on none of whose modules the
// operator's login exports. Where it does on one, package keys judges the module at
// hand.
func (f *Facts) alone() error {
	exports := func(m *statement.Module) bool { return !m.RightsPerLogin }
	if !f.Run.Bool("without-quorum") || slices.ContainsFunc(f.Chain.Modules(), exports) {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused,
		"the operator's login exports nothing on any module of this world, so it backs no key up").
		Hint("byok-offline key generate --ident %s --card DIR …", f.Generation.Ident)
}

func (f *Facts) named() error {
	if f.Run.Bool("all") == (len(f.Run.StringSlice("ident")) > 0) {
		return exitcode.Errorf(exitcode.Usage, "key restore needs --ident NAME, once per key, or --all")
	}
	return nil
}

// restorable reads the backups of the keys that --ident or --all names.
func (f *Facts) restorable() (err error) {
	idents := f.Run.StringSlice("ident")
	if f.Run.Command.Name == "freeze" {
		idents = []string{f.Ident}
	}
	if f.Run.Bool("all") {
		if idents, err = keys.Idents(f.Chain); err != nil {
			return err
		}
	}
	f.Restorable, err = keys.Restorables(f.Chain, idents)
	return noNewOne(err)
}

// kek reads the packages of -k and -w, each once, and applies every rule that
// rests on them alone.
func (f *Facts) kek() (err error) {
	if f.Pair, err = Pair(f.Run); err != nil {
		return err
	}
	failed, err := acceptance.Preflight(f.Chain, f.Pair)
	for _, rule := range failed {
		if strings.Contains(err.Error(), rule.Rule) { // the error names it, and not why
			f.Run.Console.Warning("%s: %s", rule.Rule, rule.Detail)
		}
	}
	return err
}

// Pair reads the two packages of -k and -w.
func Pair(r *command.Run) (toolset.Pair, error) {
	exchange, err := packageFile(r, "kek")
	if err != nil {
		return toolset.Pair{}, err
	}
	world, err := packageFile(r, "world-package")
	if err != nil {
		return toolset.Pair{}, err
	}
	return toolset.ParsePair(exchange, world)
}

func packageFile(r *command.Run, flag string) (toolset.File, error) {
	path, err := r.Required(flag)
	if err != nil {
		return toolset.File{}, err
	}
	data, err := r.ReadFile(path, toolset.MaxPackage)
	return toolset.File{Name: path, Data: data}, err
}

// fits refuses a key that the vault does not take: a Premium vault has no
// symmetric keys (Azure Key Vault, "About keys"). A rehearsal may wrap one, to see
// that the HSM can; its vault refuses it as well.
func (f *Facts) fits() error {
	if f.Pair.SecurityWorld().Service != kek.ServiceVault || !f.Key.Secret() {
		return nil
	}
	err := exitcode.Errorf(exitcode.Refused,
		"%s is an AES key, and %s is a vault of the Premium tier, which takes RSA and EC keys alone",
		f.Key.Name(), f.Pair.KEK().KID.Vault).
		Hint("use the KEK of a Managed HSM, which takes AES keys")
	if f.Chain.Rehearsal() {
		f.UI.Warn(err.Error())
		return nil
	}
	return err
}

func (f *Facts) target() (err error) {
	f.Target, err = dialogue.Target(f.Run, f.Key)
	f.Target.Vault = f.Pair.KEK().KID.Vault
	return err
}

// notTwice says that a quorum approved the same key for the same KEK and target
// before: to run a command again, no one need be called.
func (f *Facts) notTwice() error {
	copies, err := f.Chain.Copies(f.Ident)
	if err != nil {
		return err
	}
	for _, k := range copies {
		entry, a, err := f.Chain.Authorization(k.Copy.Number)
		if err != nil {
			return err
		}
		for _, p := range a.Pairs {
			if p.Ident == f.Ident && p.KEK.KID == f.Pair.KEK().KID && p.Target.Name == f.Target.Name {
				f.UI.Warn(fmt.Sprintf("%v approved this already: byok-offline package writes the package, without the cards; "+
					"go on only for a second approval", entry))
				return nil
			}
		}
	}
	return nil
}

// folder refuses an output folder that is not there: a name with a slip in it is
// no order to make one.
func (f *Facts) folder() error { return Folder(f.Package.Dir) }

// Folder refuses an output folder that is not there, or cannot be written to.
func Folder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("not a folder")
	}
	if errors.Is(err, os.ErrNotExist) {
		return exitcode.Errorf(exitcode.Refused, "%s: no such folder", dir).Hint("mkdir %s", printable.Quote(dir))
	}
	if err == nil {
		err = unix.Access(dir, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		return exitcode.Errorf(exitcode.Refused, "%s: cannot be written to: %w", dir, durable.Cause(err)).
			Hint("name a folder that you may write to")
	}
	return nil
}

// approved finds the newest approval, and the package that an earlier run has
// written of it.
func (f *Facts) approved() (err error) {
	f.Packed, err = f.Package.Complete(f.Chain)
	return err
}
