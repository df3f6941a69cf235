package upload

import (
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

// Distinct refuses files of which two are the same package, before any of them
// is verified. [Read] finds the rest: a package that was made twice of one pair.
// Status Usage. What cannot be read is Read's to name.
func Distinct(files []string) error {
	seen := twice{}
	for _, path := range files {
		if sum, ok := content(path); ok {
			if err := seen.add(sum, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// twice has the first file of each package.
type twice map[fingerprint.Sum]string

func (t twice) add(sum fingerprint.Sum, path string) error {
	if before, seen := t[sum]; seen {
		return exitcode.Errorf(exitcode.Usage, "%s and %s are the same package; nothing was sent", before, path).
			Hint("leave one of them out")
	}
	t[sum] = path
	return nil
}

// content is the SHA-256 of a package: of its .byok, and of its manifest where it
// has one.
func content(path string) (fingerprint.Sum, bool) {
	names, err := transfer.NamesFor(path)
	if err != nil {
		return fingerprint.Sum{}, false
	}
	data, err := durable.ReadFile(path, maxForeign)
	if err != nil || len(data) == 0 {
		return fingerprint.Sum{}, false
	}
	sum := fingerprint.Of(data)
	if manifest, err := durable.ReadFile(names.Manifest, maxForeign); err == nil {
		m := fingerprint.Of(manifest)
		sum = fingerprint.Of(append(sum[:], m[:]...))
	}
	return sum, true
}

// refuseTwice refuses a batch in which two packages are of one approved pair.
func (b *Batch) refuseTwice() error {
	seen := twice{}
	for _, i := range b.items {
		if i.wrapped.IsZero() {
			continue
		}
		if err := seen.add(i.wrapped, i.File); err != nil {
			return err
		}
	}
	return nil
}
