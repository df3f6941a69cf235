package main

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/vault"
)

// workers is how many requests are under way at a time: enough that a slow
// vault does not keep the rate below its limit.
const workers = 4

// each calls do for every parcel, several at a time, until one returns an
// error or ctx ends. What has begun is finished. It returns the first error.
func each(ctx context.Context, parcels []*parcel, do func(*parcel) error) error {
	more, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	queue := make(chan *parcel)
	var wg sync.WaitGroup
	for range min(workers, len(parcels)) {
		wg.Go(func() {
			for p := range queue {
				if err := do(p); err != nil {
					halt(err)
				}
			}
		})
	}
	for _, p := range parcels {
		select {
		case queue <- p:
		case <-more.Done():
		}
		if more.Err() != nil {
			break
		}
	}
	close(queue)
	wg.Wait()
	if cause := context.Cause(more); cause != context.Canceled {
		return cause
	}
	return azure.ErrInterrupted
}

// send imports the parcels that are ready. It stops at an interruption and
// when the vault itself fails; what came of each parcel stays with it.
func (c *connection) send(r *command.Run, b *batch) {
	ctx := r.Context.Context
	defer context.AfterFunc(ctx, func() {
		r.Console.Say("interrupted: waiting for the answers to what is under way; once more ends at once")
	})()
	ready := b.ready()
	progress := r.Console.Progress("uploading", size(ready))
	defer progress.Done()
	err := each(ctx, ready, func(p *parcel) error {
		defer progress.Add(p.size())
		return c.importOne(ctx, p)
	})
	b.interrupted = errors.Is(err, context.Canceled)
	for _, p := range ready {
		p.remark(r, len(b.parcels) == 1)
	}
}

// remark records the key version, and says what the result does not show: that
// of a single key has no column for what was there before.
func (p *parcel) remark(r *command.Run, single bool) {
	if p.done == nil {
		return
	}
	kid := p.done.Key.ID.String()
	r.Event.AddNote("key", kid)
	if p.done.Already && single {
		r.Console.Say("the vault has the key of %s already, as %s; nothing was sent", p.file, kid)
	}
	if p.done.Differs != "" {
		r.Console.Warning("key %s is not as it is asked for now: %s; its attributes can be changed in the vault", kid, p.done.Differs)
	}
	if p.done.Unread {
		r.Console.Warning("key %s is disabled and may not be read, so it was not compared with the package; byok-online verify does once it is enabled", kid)
	}
	if p.request.Expected.PublicKey == nil && p.manifest == nil {
		r.Console.Warning("key %s: nothing was known that it could be checked against (--unchecked)", kid)
	}
}

// importOne imports a parcel. It returns an error only where the others would
// fail as well.
func (c *connection) importOne(ctx context.Context, p *parcel) error {
	done, err := c.recoverAndImport(ctx, p)
	if errors.Is(err, context.Canceled) && !errors.Is(err, vault.ErrUnknown) {
		return err // p was not sent
	}
	if p.err = err; done.Key.ID.Name != "" {
		p.done = &done
	}
	if exitcode.Of(err) == exitcode.Check && !done.Already {
		return err // the vault holds another key than was sent: nothing more goes to it
	}
	return everyones(err)
}

func (c *connection) recoverAndImport(ctx context.Context, p *parcel) (vault.Imported, error) {
	if p.recover {
		if err := c.Recover(ctx, p.request.Name); err != nil {
			return vault.Imported{}, err
		}
	}
	return c.Import(ctx, p.request)
}

// everyones returns err if it is about the vault, the account or the network
// rather than about one package.
func everyones(err error) error {
	var answer *azure.Error
	if !errors.As(err, &answer) {
		if code := exitcode.Of(err); code == exitcode.Vault || code == exitcode.Interrupted {
			return err
		}
		return nil
	}
	switch s := answer.Status; {
	case s == 0, s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusTooManyRequests, s >= http.StatusInternalServerError:
		return err
	}
	return nil
}
