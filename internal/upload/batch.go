package upload

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/approval"
	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

// maxNamed is how many failures Err names one by one; Items has them all.
const maxNamed = 20

// Batch is the files of one upload, in the order they were given.
type Batch struct {
	items []*Item
	lanes []*lane // set by Upload
}

// Read reads and checks every file; the batch says which of them cannot go up.
// It asks no vault, and w about every security world once. An error means that
// the person ended it, or that nothing of the batch may be sent: two packages are
// of one approved pair, or a release policy is for none of them.
func Read(files []string, o Options, w approval.Worlds) (*Batch, error) {
	if err := Distinct(files); err != nil {
		return nil, err
	}
	o = o.of(len(files))
	b, asked := &Batch{}, approval.Once(w)
	reader := new(transfer.Reader)
	for _, file := range files {
		i := newItem(file, o, reader, asked)
		if exitcode.Of(i.Err) == exitcode.Interrupted {
			return nil, i.Err
		}
		b.items = append(b.items, i)
	}
	if err := b.refuseTwice(); err != nil {
		return nil, err
	}
	b.refuseSameNames()
	return b, b.checkPolicies(o.Policies)
}

// checkPolicies refuses a release policy that no quorum approved for any of the
// packages.
func (b *Batch) checkPolicies(policies [][]byte) error {
	for _, p := range policies {
		used := func(i *Item) bool { return i.Err != nil || string(i.request.ReleasePolicy) == string(p) }
		if !slices.ContainsFunc(b.items, used) {
			return exitcode.Errorf(exitcode.Refused,
				"--release-policy: no package was approved with the release policy %s", fingerprint.Of(p)).
				Hint("leave the option out, or have a quorum approve it: byok-offline acl modify")
		}
	}
	return nil
}

// Vaults lists the addresses of the vaults that packages are for, sorted, without
// those of packages that cannot go up.
func (b *Batch) Vaults() []string {
	all := map[string]bool{}
	for _, i := range b.ready() {
		all[i.Vault()] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// Subscription is that of a vault, as the manifests have it; "" where none does.
func (b *Batch) Subscription(vault string) string {
	for _, i := range b.items {
		if i.Vault() == vault && i.subscription != "" {
			return i.subscription
		}
	}
	return ""
}

// Refuse leaves out the packages for a vault, because of err.
func (b *Batch) Refuse(vault string, err error) {
	for _, i := range b.ready() {
		if i.Vault() == vault {
			i.Err = err
		}
	}
}

// Items lists the files in their order, with what came of each.
func (b *Batch) Items() []*Item { return b.items }

// refuseSameNames keeps two files from becoming two versions of one key in an
// order that the person did not choose. Names compare without regard to case.
func (b *Batch) refuseSameNames() {
	first := map[string]*Item{}
	for _, i := range b.ready() {
		name := strings.ToLower(i.Vault() + "/" + i.Name())
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

// Err returns what went wrong, nil where every key is in its vault. Its status is
// the highest of all failures', with one exception: Usage, which promises that
// nothing was touched, becomes Check where other files went up.
func (b *Batch) Err() error {
	all, code := b.failures(), b.worst()
	for _, l := range b.lanes {
		if err := l.unsent(len(b.lanes) > 1); err != nil {
			all, code = append(all, err), max(code, exitcode.Of(err))
		}
	}
	sent, unsent := b.count((*Item).Sent), len(b.ready())
	stopped := unsent+len(all) > 0 && slices.ContainsFunc(b.lanes, func(l *lane) bool { return l.interrupted })
	if stopped {
		all, code = append(all, fmt.Errorf("%w: %d of %d packages are in the vault, %d not sent",
			azure.ErrInterrupted, sent, len(b.items), unsent)), exitcode.Interrupted
	}
	err := errors.Join(all...)
	if code == exitcode.Usage && sent > 0 {
		code = exitcode.Check
	}
	if exitcode.Of(err) != code {
		err = exitcode.Errorf(code, "%w", err)
	}
	if unsent > 0 {
		err = exitcode.Hint(err, "run the same command again: it finds what was done")
	}
	return err
}

// Summary is what came of the packages for one vault.
type Summary struct {
	Vault   string // its address
	Sent    int
	Already int // of the sent, those that the vault had before
	Failed  int
	NotSent int
	Err     error // why the vault got nothing; nil where it answered
}

// Summaries returns a summary of each vault that the batch was sent to, in their
// order; none before [Uploader.Upload].
func (b *Batch) Summaries() (list []Summary) {
	for _, l := range b.lanes {
		s := Summary{Vault: l.vault.Address().String(), Err: l.failed}
		for _, i := range l.items {
			switch {
			case i.Err != nil:
				s.Failed++
			case i.Imported == nil:
				s.NotSent++
			case i.Imported.Already:
				s.Already++
				s.Sent++
			default:
				s.Sent++
			}
		}
		list = append(list, s)
	}
	return list
}

// worst is the highest status of the files.
func (b *Batch) worst() (code exitcode.Code) {
	for _, i := range b.items {
		code = max(code, exitcode.Of(i.Err))
	}
	return code
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
