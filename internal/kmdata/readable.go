package kmdata

import (
	"errors"
	"strings"

	"byok/internal/exitcode"
)

// Readable is [Chain.Keys] for whoever looks: it returns the keys that verify, and
// joins what is wrong with each of the others, with the cure.
func (c *Chain) Readable() (good []*Key, damaged error) {
	names, err := c.KeyNames()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		k, err := c.Key(strings.TrimPrefix(name, KeyName(Simple, "")))
		if err != nil {
			damaged = errors.Join(damaged, cured(err))
			continue
		}
		good = append(good, k)
	}
	unfiled, err := c.Unfiled()
	if err != nil {
		return good, errors.Join(damaged, err)
	}
	for _, s := range unfiled {
		damaged = errors.Join(damaged, c.Lacks(s))
	}
	return good, damaged
}

// cured says what to do about a key file that does not verify.
func cured(err error) error {
	return exitcode.Hint(err, "put that file and its .sig back from your copy of kmdata; the key itself is on the HSM")
}
