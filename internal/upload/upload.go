// Package upload brings transfer packages into their vaults: many at a time, none
// twice, and each under the name, with the operations and the attributes that
// its quorum approved, or not at all.
//
// [Find] the files, [Read] them into a [Batch], connect to the vaults that
// [Batch.Vaults] lists, give both to [Uploader.Upload], and look at [Batch.Items] and [Batch.Err] afterwards,
// whatever Upload returned. Everything that can be checked is checked before
// anything is sent. A file that fails is left out and named; the others go up.
// What the vault has already is found there and not sent again, so the same
// upload can be started again after any failure. Vaults are worked on side by
// side, and one that fails does not stop the others.
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
	"byok/internal/succession"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
	"byok/internal/vault/pace"
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
	succession.Vault
}

// UI is the person at work. Its methods are called by several goroutines.
type UI interface {
	Say(format string, args ...any)
	Warning(format string, args ...any)
	// Confirm asks whether to do what question says, leaving out what the
	// errors are about. An error ends the upload before anything was sent.
	Confirm(question string, leftOut []error) error
	// Progress shows how many of total packages are done, until it is closed.
	Progress(what string, total int64) Progress
}

// Progress is a progress line.
type Progress interface {
	Add(n int64)
	Done()
}

// Uploader uploads batches, each package to the vault that it was made for.
type Uploader struct {
	Vaults []Vault // each once
	UI     UI
	// Rate is how many keys go to a vault in ten seconds, as the vaults' clients
	// pace them; 0 for no limit.
	Rate float64
}

// Upload checks the batch against the vaults, asks the person once, and sends what
// is ready. It returns an error only where nothing was sent, because of the vaults
// or the person. What came of the files is in the batch: see [Batch.Err].
func (u *Uploader) Upload(ctx context.Context, b *Batch) error {
	b.lanes = u.route(b)
	u.time(b)
	if err := u.preflight(ctx, b.lanes); err != nil {
		return err
	}
	defer u.reportAll(b)
	var ready []*Item
	for _, l := range b.lanes {
		ready = append(ready, l.ready()...)
	}
	if len(ready) == 0 {
		return nil
	}
	u.time(b)
	if err := u.UI.Confirm(u.question(b, ready), b.leftOut()); err != nil {
		return err
	}
	u.send(ctx, b.lanes)
	return nil
}

// leftOut are the failures of files, and of vaults of which others are left.
func (b *Batch) leftOut() []error {
	all := b.failures()
	for _, l := range b.lanes {
		if l.failed != nil {
			all = append(all, l.unsent(true))
		}
	}
	return all
}

// question says what is about to happen.
func (u *Uploader) question(b *Batch, ready []*Item) string {
	what := "import " + printable.Count(len(ready), "package")
	if len(ready) == 1 {
		r := ready[0].request
		what = fmt.Sprintf("import %s as key %s (%s)", ready[0].File, r.Name, strings.Join(r.Ops, ", "))
	}
	if left := len(b.items) - b.count((*Item).Sent) - len(ready); left > 0 {
		what += fmt.Sprintf(", leave out %d", left)
	}
	if n := b.count(func(i *Item) bool { return i.recover }); n > 0 {
		what += ", recover " + printable.Count(n, "deleted key")
	}
	longest := time.Duration(0)
	for _, l := range b.lanes {
		longest = max(longest, l.takes)
		if n := len(l.ready()); n > 0 && len(b.lanes) > 1 {
			u.UI.Say("%v: %s", l.vault.Address(), printable.Count(n, "package"))
		}
	}
	if longest >= time.Minute {
		what += fmt.Sprintf(", which takes %s", longest)
	}
	return what
}

// time finds how long sending takes at least: by each vault's limit, and by that
// of all vaults of a subscription.
func (u *Uploader) time(b *Batch) {
	together := map[string]int{}
	for _, l := range b.lanes {
		if u.limit(l).Subscription > 0 {
			together[b.subscriptionOf(l)] += len(l.ready())
		}
	}
	for _, l := range b.lanes {
		limit := u.limit(l)
		l.takes = max(takes(len(l.ready()), limit.Vault), takes(together[b.subscriptionOf(l)], limit.Subscription))
	}
}

func (u *Uploader) limit(l *lane) pace.Limit {
	return pace.Documented(l.vault.Address().Service()).Scaled(u.Rate)
}

func (b *Batch) subscriptionOf(l *lane) string { return b.Subscription(l.vault.Address().String()) }

// takes is how long n keys take; 0 without a rate.
func takes(n int, rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(n) / rate * 10 * float64(time.Second)).Round(time.Second)
}
