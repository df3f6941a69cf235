// Package upload brings transfer packages into a vault: many at a time, none
// twice, and each under the name, with the operations and the attributes that
// its quorum approved, or not at all.
//
// [Find] the files, [Read] them into a [Batch], give that to
// [Uploader.Upload], and look at [Batch.Items] and [Batch.Err] afterwards,
// whatever Upload returned. Everything that can be checked is checked before
// anything is sent. A file that fails is left out and named; the others go up.
// What the vault has already is found there and not sent again, so the same
// upload can be started again after any failure.
//
// Do not call [vault.Client.Import] for a transfer package by other means: what
// the quorum approved is compared here.
package upload

import (
	"context"
	"fmt"
	"strings"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/printable"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// Vault is what an upload asks of a vault; [vault.Client] is one.
type Vault interface {
	Address() endpoint.Address
	// CheckKEK reads a KEK and checks that the vault can still use it.
	CheckKEK(ctx context.Context, kid kek.ID, spki fingerprint.Sum) (vault.Key, error)
	// Deleted reports whether a deleted key holds the name.
	Deleted(ctx context.Context, name string) (vault.Deleted, bool, error)
	// Recover brings a deleted key back.
	Recover(ctx context.Context, name string) error
	// Held finds out whether Import would send nothing, and what it would return.
	Held(ctx context.Context, i vault.Import) (vault.Imported, bool, error)
	// Import makes a package a version of a key, or finds that it is there.
	Import(ctx context.Context, i vault.Import) (vault.Imported, error)
}

// UI is the person at work. Its methods are called by several goroutines.
type UI interface {
	Say(format string, args ...any)
	Warning(format string, args ...any)
	// Confirm asks whether to do what question says, leaving out what the
	// errors are about. An error ends the upload before anything was sent.
	Confirm(question string, leftOut []error) error
	// Progress shows how much of total bytes is done, until it is closed.
	Progress(what string, total int64) Progress
}

// Progress is a progress line.
type Progress interface {
	Add(n int64)
	Done()
}

// Uploader uploads batches to one vault.
type Uploader struct {
	Vault Vault
	UI    UI
	Rate  float64 // keys in ten seconds, as the vault's client paces them; 0 for no limit
}

// Upload checks the batch against the vault, asks the person, and sends what is
// ready. It returns an error only where nothing was sent, because of the vault
// or the person. What came of the files is in the batch: see [Batch.Err].
func (u *Uploader) Upload(ctx context.Context, b *Batch) error {
	if err := u.preflight(ctx, b); err != nil {
		return err
	}
	defer u.reportAll(b)
	if len(b.ready()) == 0 {
		return nil
	}
	if err := u.UI.Confirm(u.question(b), b.failures()); err != nil {
		return err
	}
	u.send(ctx, b)
	return nil
}

// question says what is about to happen.
func (u *Uploader) question(b *Batch) string {
	ready := b.ready()
	what := "import " + printable.Count(len(ready), "package")
	if len(ready) == 1 {
		r := ready[0].request
		what = fmt.Sprintf("import %s as key %s (%s)", ready[0].File, r.Name, strings.Join(r.Ops, ", "))
	}
	if left := b.count(func(i *Item) bool { return i.Err != nil }); left > 0 {
		what += fmt.Sprintf(", leave out %d", left)
	}
	if n := b.count(func(i *Item) bool { return i.recover }); n > 0 {
		what += ", recover " + printable.Count(n, "deleted key")
	}
	if takes := u.duration(b); takes >= time.Minute {
		what += fmt.Sprintf(", which takes %s", takes)
	}
	return what
}

// duration is how long sending takes at least; 0 without a rate.
func (u *Uploader) duration(b *Batch) time.Duration {
	if u.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(len(b.ready())) / u.Rate * 10 * float64(time.Second)).Round(time.Second)
}
