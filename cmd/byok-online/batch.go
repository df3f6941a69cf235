package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/exitcode"
)

// maxNamed is how many failures are told one by one; the result has them all.
const maxNamed = 20

// batch is the files of one upload, in the order they were named.
type batch struct {
	parcels     []*parcel
	rate        float64 // keys in ten seconds; negative is no limit
	interrupted bool
}

func readBatch(r *command.Run, paths []string, w wishes) *batch {
	b := &batch{rate: w.rate}
	for _, path := range paths {
		b.parcels = append(b.parcels, readParcel(r, path, w))
	}
	b.refuseSameNames()
	return b
}

// refuseSameNames keeps two files from becoming two versions of one key in an
// order that nobody chose. Names compare without regard to case.
func (b *batch) refuseSameNames() {
	first := map[string]*parcel{}
	for _, p := range b.ready() {
		name := strings.ToLower(p.request.Name)
		if before, taken := first[name]; taken {
			p.err = exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%s is for the key %s, as %s is", p.file, p.request.Name, before.file), "upload them one after the other: the last is the current version")
			continue
		}
		first[name] = p
	}
}

// ready are the parcels that nothing is known against and that are not sent yet.
func (b *batch) ready() (list []*parcel) {
	for _, p := range b.parcels {
		if p.err == nil && p.done == nil {
			list = append(list, p)
		}
	}
	return list
}

func (b *batch) count(of func(*parcel) bool) (n int) {
	for _, p := range b.parcels {
		if of(p) {
			n++
		}
	}
	return n
}

// question asks for what is about to happen.
func (b *batch) question() string {
	ready := b.ready()
	what := "import " + counted(len(ready), "package")
	if len(ready) == 1 {
		what = fmt.Sprintf("import %s as key %s (%s)", ready[0].file, ready[0].request.Name, strings.Join(ready[0].request.Ops, ", "))
	}
	if left := b.count(func(p *parcel) bool { return p.err != nil }); left > 0 {
		what += fmt.Sprintf(", leave out %d", left)
	}
	if n := b.count(func(p *parcel) bool { return p.recover }); n > 0 {
		what += ", recover " + counted(n, "deleted key")
	}
	return what + b.about()
}

// about tells how long it takes where that is minutes.
func (b *batch) about() string {
	if took := b.duration(); took >= time.Minute {
		return fmt.Sprintf(", which takes %s", took)
	}
	return ""
}

func (b *batch) duration() time.Duration {
	if b.rate < 0 {
		return 0
	}
	return time.Duration(float64(len(b.ready())) / b.rate * 10 * float64(time.Second)).Round(time.Second)
}

// failure is what went wrong, with the status of the first file that failed:
// an interruption comes before all, and Usage becomes Check where other files
// went up.
func (b *batch) failure() error {
	all := b.failures()
	unsent := len(b.ready())
	stopped := b.interrupted && unsent+len(all) > 0
	switch {
	case stopped:
		all = append(all, fmt.Errorf("%w: %d of %d packages are in the vault, %d not sent", azure.ErrInterrupted, b.count(inVault), len(b.parcels), unsent))
	case unsent > 0:
		all = append(all, fmt.Errorf("%s not sent, because the vault failed before", counted(unsent, "package")))
	}
	if len(all) == 0 {
		return nil
	}
	err := errors.Join(all...)
	if exitcode.Of(err) == exitcode.Usage && b.count(inVault) > 0 {
		err = exitcode.Errorf(exitcode.Check, "%w", err) // status 2 promises that nothing was touched
	}
	if stopped || unsent > 0 {
		err = exitcode.Hint(err, "the same command again; it finds what was done")
	}
	return err
}

// failures are the errors of the files, in their order, as far as people read.
func (b *batch) failures() (all []error) {
	failed := 0
	for _, p := range b.parcels {
		if p.err == nil {
			continue
		}
		if failed++; failed <= maxNamed {
			all = append(all, b.named(p))
		}
	}
	if more := failed - maxNamed; more > 0 {
		all = append(all, fmt.Errorf("%d more failed; --output json tells why of each", more))
	}
	return all
}

// named puts the file's name before its error where there are several.
func (b *batch) named(p *parcel) error {
	name := filepath.Base(p.file)
	if len(b.parcels) == 1 || strings.Contains(p.err.Error(), name) {
		return p.err
	}
	return fmt.Errorf("%s: %w", name, p.err)
}

// hint names the next step of a single package.
func (b *batch) hint(r *command.Run) {
	if p := b.parcels[0]; len(b.parcels) == 1 && inVault(p) && p.manifest != nil {
		where := "--vault " + p.done.Key.ID.Vault
		if dir := r.String("rehearsal"); dir != "" {
			where = "--rehearsal " + dir
		}
		r.Console.Hint("byok-online verify %s --name %s --manifest %s.manifest.json", where, p.request.Name, strings.TrimSuffix(p.file, ".byok"))
	}
}

// counted is n of something, in words.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func inVault(p *parcel) bool { return p.err == nil && p.done != nil }
