package upload

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/vault"
)

// workers is how many requests are under way at a time: enough that a slow
// vault does not keep the rate below its limit.
const workers = 4

// each calls do for every item, several at a time, until one returns an error
// or ctx ends; the context that do gets ends then. What has begun is finished.
// It returns the first error.
func each(ctx context.Context, items []*Item, do func(context.Context, *Item) error) error {
	more, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	queue := make(chan *Item)
	var wg sync.WaitGroup
	for range min(workers, len(items)) {
		wg.Go(func() {
			for i := range queue {
				if more.Err() != nil {
					continue // it was on its way here when another failed
				}
				if err := do(more, i); err != nil {
					halt(err)
				}
			}
		})
	}
	feed(more, queue, items)
	wg.Wait()
	if cause := context.Cause(more); cause != context.Canceled {
		return cause
	}
	return azure.ErrInterrupted
}

// feed puts the items into the queue until ctx ends, and closes it.
func feed(ctx context.Context, queue chan<- *Item, items []*Item) {
	defer close(queue)
	for _, i := range items {
		select {
		case queue <- i:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// send sends all lanes at the same time.
func (u *Uploader) send(ctx context.Context, lanes []*lane) {
	defer context.AfterFunc(ctx, func() {
		u.UI.Say("interrupted: waiting for the requests under way; interrupt again to stop at once")
	})()
	u.stage("uploading", lanes, func(l *lane, p Progress) error {
		l.send(ctx, p)
		return nil
	})
}

// reportAll says of every key what a table of results does not show.
func (u *Uploader) reportAll(b *Batch) {
	for _, i := range b.items {
		u.report(i, len(b.items) == 1)
	}
}

// report says what a table of results does not show; that of a single key has
// no column for what was there before.
func (u *Uploader) report(i *Item, single bool) {
	if i.Imported == nil {
		return
	}
	kid := i.Imported.Key.ID
	if i.Imported.Already && single {
		u.UI.Say("the vault already has the key of %s, as %v; nothing was sent", i.File, kid)
	}
	if i.Imported.Differs != "" {
		u.UI.Warning("key %v differs from this request: %s; its attributes can be changed in the vault",
			kid, i.Imported.Differs)
	}
	if i.Imported.Unread {
		u.UI.Warning("key %v is disabled and may not be read, so it was not compared with the package; "+
			"byok-online verify does once it is enabled", kid)
	}
	if !i.Approved {
		u.UI.Warning("key %v: it came without a quorum's authorization", kid)
	}
	if !i.Approved && i.request.Expected.PublicKey == nil {
		u.UI.Warning("key %v was not checked: no public key was given (--unchecked)", kid)
	}
}

// sendOne imports an item. It returns an error only where the others would
// fail as well.
func (l *lane) sendOne(ctx context.Context, i *Item) error {
	done, err := l.recoverAndImport(ctx, i)
	if errors.Is(err, context.Canceled) && !errors.Is(err, vault.ErrUnknown) {
		return err // it was not sent
	}
	if i.Err = err; done.Key.ID.Name != "" {
		i.Imported = &done
	}
	if exitcode.Of(err) == exitcode.Check && !done.Already {
		return err // the vault holds another key than was sent: nothing more goes to it
	}
	return endsUpload(err)
}

func (l *lane) recoverAndImport(ctx context.Context, i *Item) (vault.Imported, error) {
	if i.recover {
		if err := l.vault.Recover(ctx, i.Name()); err != nil {
			return vault.Imported{}, err
		}
		if err := l.mayFollow(ctx, i); err != nil {
			return vault.Imported{}, err
		}
	}
	return l.vault.Import(ctx, i.request)
}

// endsUpload returns err if it would meet the other packages as well: it is
// about the vault, the account or the network rather than about one package.
func endsUpload(err error) error {
	var answer *azure.Error
	if !errors.As(err, &answer) {
		if code := exitcode.Of(err); code == exitcode.Vault || code == exitcode.Interrupted {
			return err
		}
		return nil
	}
	switch s := answer.Status; {
	case s == 0, s >= http.StatusInternalServerError,
		s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusTooManyRequests:
		return err
	}
	return nil
}
