package main

import (
	"time"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/transfer"
	"byok/internal/vault"
)

// preflight asks the vault everything that could keep a package out, so that
// nothing is sent before. What is wrong with a package stays with it; an error
// is the vault's.
func (c *connection) preflight(r *command.Run, b *batch) error {
	ctx := r.Context.Context
	for _, p := range b.ready() {
		if p.manifest != nil {
			p.err = c.checkStanding(p.file, *p.manifest)
		}
	}
	if err := c.checkKEKs(r, b); err != nil {
		return err
	}
	ready := b.ready()
	progress := r.Console.Progress("asking for the names", size(ready))
	defer progress.Done()
	err := each(ctx, ready, func(p *parcel) (err error) {
		defer progress.Add(p.size())
		_, p.recover, err = c.deleted(ctx, p.request.Name)
		return err
	})
	if err == nil && !r.Bool("recover") {
		b.refuseDeleted()
	}
	return err
}

// checkStanding keeps rehearsal and production apart.
func (c *connection) checkStanding(file string, m transfer.Manifest) error {
	switch {
	case m.Rehearsal && c.rehearsal == nil:
		return exitcode.Errorf(exitcode.Refused, "%s is from a rehearsal, and %v is no rehearsal vault", file, c.Address())
	case !m.Rehearsal && c.rehearsal != nil:
		return exitcode.Errorf(exitcode.Refused, "%s is from production, and %v is a rehearsal vault", file, c.Address())
	}
	return nil
}

// checkKEKs reads every KEK once, however many packages are for it.
func (c *connection) checkKEKs(r *command.Run, b *batch) error {
	type kek struct {
		id   transfer.KeyID
		spki [32]byte
	}
	type outcome struct {
		key vault.Key
		err error
	}
	known := map[kek]outcome{}
	for _, p := range b.ready() {
		k := kek{p.blob.KEK, p.spki()}
		found, asked := known[k]
		if !asked {
			found.key, found.err = c.CheckKEK(r.Context.Context, k.id, k.spki)
			known[k] = found
		}
		if code := exitcode.Of(found.err); code != exitcode.Done && code != exitcode.Check {
			return found.err
		}
		if p.err = found.err; p.err == nil {
			p.err = p.fits(found.key)
		}
	}
	for k, found := range known {
		if left := time.Until(found.key.Expires); found.err == nil && !found.key.Expires.IsZero() && left < b.duration() {
			r.Console.Warning("KEK %v expires in %s, and the upload takes %s", k.id, left.Round(time.Second), b.duration())
		}
	}
	return nil
}

// fits checks the length of the ciphertext, which a manifest's KEK size has
// been checked with already.
func (p *parcel) fits(kek vault.Key) error {
	if p.manifest != nil {
		return nil
	}
	if err := p.blob.CheckSize(kek.Bits); err != nil {
		return exitcode.Errorf(exitcode.Check, "%s: %w", p.file, err)
	}
	return nil
}

// refuseDeleted refuses the names that deleted keys hold. They are never
// purged from here.
func (b *batch) refuseDeleted() {
	for _, p := range b.ready() {
		if p.recover {
			p.err = exitcode.Hint(exitcode.Errorf(exitcode.Vault, "a deleted key holds the name %s", p.request.Name),
				"--recover brings that key back and makes this its newest version; another --name does without")
			p.recover = false
		}
	}
}
