package upload

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"byok/internal/exitcode"
	"byok/internal/printable"
)

// lane is the packages of a batch that go to one vault. A vault that fails stops
// its own lane and no other.
type lane struct {
	vault       Vault
	ui          UI
	items       []*Item
	takes       time.Duration // to send them, at least
	failed      error         // of the vault, before anything was sent
	interrupted bool
}

// route makes a lane for each vault that packages are for. With a single vault
// all go there, and its check of the KEK refuses those for another.
func (u *Uploader) route(b *Batch) []*lane {
	by := map[string]*lane{}
	var lanes []*lane
	for _, v := range u.Vaults {
		l := &lane{vault: v, ui: u.UI}
		by[v.Address().String()], lanes = l, append(lanes, l)
	}
	for _, i := range b.ready() {
		l := by[i.Vault()]
		switch {
		case len(u.Vaults) == 1:
			lanes[0].items = append(lanes[0].items, i)
		case l == nil:
			i.Err = exitcode.Errorf(exitcode.Refused, "%s is for %s, which is not one of the %d vaults given",
				i.File, i.Vault(), len(u.Vaults))
		default:
			l.items = append(l.items, i)
		}
	}
	return lanes
}

// ready are the packages of the lane that can go up; none where its vault failed.
func (l *lane) ready() []*Item {
	if l.failed != nil {
		return nil
	}
	return (&Batch{items: l.items}).ready()
}

// unsent is what to say of packages that nothing is known against and that are
// not in the vault, unless the person ended the upload; nil where there are none.
func (l *lane) unsent(named bool) error {
	n := len((&Batch{items: l.items}).ready())
	if n == 0 || l.interrupted {
		return nil
	}
	what := printable.Count(n, "package")
	if named {
		what += " for " + l.vault.Address().String()
	}
	if l.failed != nil {
		return fmt.Errorf("%s not sent: %w", what, l.failed)
	}
	return fmt.Errorf("%s not sent, because the vault had failed", what)
}

// stage has every lane do its part of what, all at the same time, under one
// progress line. What a lane returns is its vault's failure.
func (u *Uploader) stage(what string, lanes []*lane, do func(*lane, Progress) error) {
	total := int64(0)
	for _, l := range lanes {
		total += int64(len(l.ready()))
	}
	progress := u.UI.Progress(what, total)
	defer progress.Done()
	var wg sync.WaitGroup
	for _, l := range lanes {
		if len(l.ready()) > 0 {
			wg.Go(func() { l.failed = do(l, progress) })
		}
	}
	wg.Wait()
}

// ended returns the error that keeps every lane from being sent: the person's, or
// those of all vaults.
func ended(lanes []*lane) error {
	var all []error
	for _, l := range lanes {
		switch {
		case exitcode.Of(l.failed) == exitcode.Interrupted:
			return l.failed
		case l.failed != nil && len(lanes) > 1:
			all = append(all, fmt.Errorf("%v: %w", l.vault.Address(), l.failed))
		case l.failed != nil:
			all = append(all, l.failed)
		case len(l.items) > 0:
			return nil
		}
	}
	return errors.Join(all...)
}

// send imports what is ready. It stops at an interruption and when the vault
// itself fails; what came of each item stays with it.
func (l *lane) send(ctx context.Context, progress Progress) {
	err := each(ctx, l.ready(), func(_ context.Context, i *Item) error {
		defer progress.Add(1)
		return l.sendOne(ctx, i) // not to be cut short because another failed
	})
	l.interrupted = errors.Is(err, context.Canceled)
}
