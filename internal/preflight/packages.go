package preflight

import (
	"errors"
	"os"
	"path/filepath"

	"byok/internal/acceptance"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/packing"
	"byok/internal/printable"
	"byok/internal/toolset"
	"byok/internal/transfer"
	"byok/internal/version"
)

// keks reads the packages of -k and -w, each once, and applies every rule that
// rests on them alone.
func (f *Facts) keks() (err error) {
	if f.KEKs, err = Pairs(f.Run); err != nil {
		return err
	}
	kids := make([]string, len(f.KEKs))
	for i, p := range f.KEKs {
		kids[i] = p.KEK().KID.String()
		failed, err := acceptance.Preflight(f.Chain, p)
		f.warnOf(failed, err)
		if err != nil {
			return err
		}
	}
	if err := twice("KEK", kids); err != nil {
		return err
	}
	suffixes := make([]string, len(f.KEKs))
	for i, p := range f.KEKs {
		suffixes[i] = p.KEK().Suffix
	}
	return twice("a KEK package of suffix", suffixes)
}

// keksIfGiven reads the KEK packages that say which approvals are meant, where
// there are several. Without them, and without a plan, it is the newest of each key.
func (f *Facts) keksIfGiven() (err error) {
	given := len(f.Run.StringSlice("kek"))+len(f.Run.StringSlice("world-package")) > 0
	switch {
	case f.Plan != nil && given:
		return exitcode.Errorf(exitcode.Usage, "with --all the plan says which KEK a key was approved for")
	case f.Plan != nil:
		f.toVaults()
		return nil
	case !given:
		return f.names()
	}
	if f.KEKs, err = Pairs(f.Run); err != nil {
		return err
	}
	return f.pairs()
}

// pairs has each key go to each KEK.
func (f *Facts) pairs() error {
	if err := f.names(); err != nil {
		return err
	}
	return f.spread()
}

// Pairs reads the packages of -k and -w, in their order.
func Pairs(r *command.Run) (list []toolset.Pair, err error) {
	keks, worlds := r.StringSlice("kek"), r.StringSlice("world-package")
	for _, o := range []struct {
		name  string
		files []string
	}{{"kek", keks}, {"world-package", worlds}} {
		if len(o.files) == 0 {
			return nil, exitcode.Errorf(exitcode.Usage, "%s needs --%s", r.Event.Command, o.name).
				Hint("%s --help", r.Command.HelpName)
		}
	}
	if len(keks) != len(worlds) {
		return nil, exitcode.Errorf(exitcode.Usage,
			"%d --kek and %d --world-package: expected one SecurityWorld package per KEK package, in the same order",
			len(keks), len(worlds))
	}
	for i := range keks {
		p, err := Pair(r, keks[i], worlds[i])
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// Pair reads the packages of one KEK.
func Pair(r *command.Run, kekFile, worldFile string) (toolset.Pair, error) {
	exchange, err := packageFile(r, kekFile)
	if err != nil {
		return toolset.Pair{}, err
	}
	world, err := packageFile(r, worldFile)
	if err != nil {
		return toolset.Pair{}, err
	}
	return toolset.ParsePair(exchange, world)
}

func packageFile(r *command.Run, path string) (toolset.File, error) {
	data, err := r.ReadFile(path, toolset.MaxPackage)
	return toolset.File{Name: path, Data: data}, err
}

// packages reads which packages are asked for, and where they go.
func (f *Facts) packages() error {
	ids := f.Run.StringSlice("subscription-id")
	for _, id := range ids {
		if !transfer.IsUUID(id) {
			return exitcode.Errorf(exitcode.Usage, "--subscription-id %s: expected a UUID", id).
				Hint("byok-online subscription list, on the connected workstation, shows it")
		}
	}
	switch n := max(1, len(f.KEKs)); {
	case f.Plan != nil:
	case len(ids) == 0:
		return exitcode.Errorf(exitcode.Usage, "%s needs --subscription-id", f.command()).
			Hint("%s --help", f.Run.Command.HelpName)
	case len(ids) != 1 && len(ids) != n:
		return exitcode.Errorf(exitcode.Usage,
			"%s and %d --subscription-id: expected one for all, or one per KEK, in the same order",
			printable.Count(n, "KEK"), len(ids)).
			Hint("byok-online subscription list, on the connected workstation, shows it")
	}
	names := f.Run.StringSlice("key-friendly-name")
	for i, o := range f.Orders {
		q := packing.Request{Ident: o.Ident, Dir: f.Run.String("out"), Generator: "byok-offline " + version.String()}
		if o.number < len(names) {
			q.Name = names[o.number]
		}
		f.where(o, &q, ids)
		f.Orders[i].Package = q
	}
	return nil
}

// where fills in where a package goes.
func (f *Facts) where(o Order, q *packing.Request, ids []string) {
	switch {
	case o.pair != nil:
		v := o.pair.Vault
		q.Name, q.SubscriptionID, q.Vault, q.Dir = o.planned.Called(), v.Subscription, address(v.Address), o.pair.Folder
		return
	case len(f.KEKs) > 0:
		p := f.KEKs[o.KEK]
		q.KEK = packing.KEK{Package: p.KEKHash(), World: p.SecurityWorldHash()}
	}
	if q.SubscriptionID = ids[0]; len(ids) > 1 {
		q.SubscriptionID = ids[o.KEK]
	}
	if len(f.KEKs) > 1 { // two vaults may have a key of one name
		q.Dir = filepath.Join(q.Dir, f.KEKs[o.KEK].KEK().Suffix)
	}
}

// folder refuses an output folder that is not there: a name with a slip in it is
// no order to make one. Below it the folder of a vault is made.
func (f *Facts) folder() error {
	dir := f.Package.Dir
	if f.pair != nil || len(f.KEKs) > 1 {
		dir = filepath.Dir(dir)
	}
	return Folder(dir)
}

// Folders makes the folders of vaults.
func (f *Facts) Folders() error {
	for _, o := range f.Orders {
		if err := os.Mkdir(o.Package.Dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return exitcode.Mark(exitcode.Failed, err)
		}
	}
	return nil
}

// approved finds the newest approval, and the package that an earlier run has
// written of it.
func (f *Facts) approved() (err error) {
	f.Packed, err = f.Package.Complete(f.Chain)
	return err
}

// ToPack reads where the packages of a transfer go, and refuses folders that are
// not there.
func (f *Facts) ToPack() error {
	if err := f.packages(); err != nil {
		return err
	}
	return f.each((*Facts).folder)
}

// Packages are the packages that earlier runs have written, and those that are
// left.
func (f *Facts) Packages() (written []packing.Packed, left []packing.Request) {
	for _, o := range f.Orders {
		if len(o.Packed.Paths) > 0 {
			written = append(written, o.Packed)
		} else {
			left = append(left, o.Package)
		}
	}
	return written, left
}

// Left are the orders that no quorum approved before, or where there is one alone,
// that one: people then want it approved again.
func (f *Facts) Left() (list []Order) {
	for _, o := range f.Orders {
		if len(f.Orders) == 1 || o.Before.Statement == nil {
			list = append(list, o)
		}
	}
	return list
}
