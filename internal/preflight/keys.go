package preflight

import (
	"errors"
	"os"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/printable"
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

// fits refuses a key that the vault does not take: a Premium vault has no
// symmetric keys (Azure Key Vault, "About keys"). A rehearsal may wrap one, to see
// that the HSM can; its vault refuses it as well.
func (f *Facts) fits() error {
	if f.Pair().SecurityWorld().Service != kek.ServiceVault || !f.Key.Secret() {
		return nil
	}
	err := exitcode.Errorf(exitcode.Refused,
		"%s is an AES key, and %s is a vault of the Premium tier, which takes RSA and EC keys alone",
		f.Key.Name(), f.Pair().KEK().KID.Vault).
		Hint("use the KEK of a Managed HSM, which takes AES keys")
	if f.Chain.Rehearsal() {
		f.UI.Warn(err.Error())
		return nil
	}
	return err
}

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
		err = mayWrite(dir)
	}
	if err != nil {
		return exitcode.Errorf(exitcode.Refused, "%s: cannot be written to: %w", dir, durable.Cause(err)).
			Hint("name a folder that you may write to")
	}
	return nil
}

// warnOf says which rules a KEK breaks, where its error names them without saying
// why.
func (f *Facts) warnOf(failed []kek.Finding, err error) {
	for _, rule := range failed {
		if strings.Contains(err.Error(), rule.Rule) {
			f.Run.Console.Warning("%s: %s", rule.Rule, rule.Detail)
		}
	}
}
