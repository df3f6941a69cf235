package upload

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"byok/internal/approval"
	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/transfer"
	"byok/internal/worlds"
)

// maxNamed is how many failures Err names one by one; Items has them all.
const maxNamed = 20

// Batch is the files of one upload, in the order they were given.
type Batch struct {
	items       []*Item
	interrupted bool
}

// Read reads and checks every file; the batch says which of them cannot go up.
// It asks no vault, and w about every security world once. An error means that
// the person ended it.
func Read(files []string, o Options, w approval.Worlds) (*Batch, error) {
	b, asked := &Batch{}, &once{worlds: w, known: map[worlds.Claim]answer{}}
	reader := new(transfer.Reader)
	for _, file := range files {
		i := newItem(file, o, reader, asked)
		if exitcode.Of(i.Err) == exitcode.Interrupted {
			return nil, i.Err
		}
		b.items = append(b.items, i)
	}
	b.refuseSameNames()
	return b, nil
}

// once asks about every world once.
type once struct {
	worlds approval.Worlds
	known  map[worlds.Claim]answer
}

type answer struct {
	world worlds.World
	err   error
}

// Trust implements approval.Worlds.
func (o *once) Trust(c worlds.Claim, from string) (worlds.World, error) {
	a, known := o.known[c]
	if !known {
		a.world, a.err = o.worlds.Trust(c, from)
		o.known[c] = a
	}
	return a.world, a.err
}

// Items lists the files in their order, with what came of each.
func (b *Batch) Items() []*Item { return b.items }

// refuseSameNames keeps two files from becoming two versions of one key in an
// order that the person did not choose. Names compare without regard to case.
func (b *Batch) refuseSameNames() {
	first := map[string]*Item{}
	for _, i := range b.ready() {
		name := strings.ToLower(i.Name())
		if before, taken := first[name]; taken {
			i.Err = exitcode.Errorf(exitcode.Usage, "%s and %s are both for the key %s", before.File, i.File, i.Name()).
				Hint("upload them one after the other: the last becomes the current version")
			continue
		}
		first[name] = i
	}
}

// ready are the items that nothing is known against and that are not sent yet.
func (b *Batch) ready() (list []*Item) {
	for _, i := range b.items {
		if i.Err == nil && i.Imported == nil {
			list = append(list, i)
		}
	}
	return list
}

func (b *Batch) count(is func(*Item) bool) (n int) {
	for _, i := range b.items {
		if is(i) {
			n++
		}
	}
	return n
}

// Err returns what went wrong, nil where every key is in the vault. Its status
// is that of the first file that failed, with two exceptions: an interruption
// comes before all, and Usage, which promises that nothing was touched, becomes
// Check where other files went up.
func (b *Batch) Err() error {
	all := b.failures()
	sent, unsent := b.count((*Item).Sent), len(b.ready())
	stopped := b.interrupted && unsent+len(all) > 0
	switch {
	case stopped:
		all = append(all, fmt.Errorf("%w: %d of %d packages are in the vault, %d not sent",
			azure.ErrInterrupted, sent, len(b.items), unsent))
	case unsent > 0:
		all = append(all, fmt.Errorf("%s not sent, because the vault had failed", printable.Count(unsent, "package")))
	}
	err := errors.Join(all...)
	if exitcode.Of(err) == exitcode.Usage && sent > 0 {
		err = exitcode.Errorf(exitcode.Check, "%w", err)
	}
	if stopped || unsent > 0 {
		err = exitcode.Hint(err, "run the same command again: it finds what was done")
	}
	return err
}

// failures are the errors of the files, in their order, up to maxNamed.
func (b *Batch) failures() (all []error) {
	failed := 0
	for _, i := range b.items {
		if i.Err == nil {
			continue
		}
		if failed++; failed <= maxNamed {
			all = append(all, b.named(i))
		}
	}
	if more := failed - maxNamed; more > 0 {
		all = append(all, fmt.Errorf("%d more failed; --output json says why of each", more))
	}
	return all
}

// named puts the file's name before its error where there are several files
// and the error does not have it.
func (b *Batch) named(i *Item) error {
	name := filepath.Base(i.File)
	if len(b.items) == 1 || strings.Contains(i.Err.Error(), name) {
		return i.Err
	}
	return fmt.Errorf("%s: %w", name, i.Err)
}
