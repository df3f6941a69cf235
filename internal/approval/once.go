package approval

import "byok/internal/worlds"

// Once returns a [Worlds] that asks w about every world once, for a command that
// reads many packages.
func Once(w Worlds) Worlds { return &once{worlds: w, known: map[worlds.Claim]answer{}} }

type once struct {
	worlds Worlds
	known  map[worlds.Claim]answer
}

type answer struct {
	world worlds.World
	err   error
}

// Trust implements [Worlds].
func (o *once) Trust(c worlds.Claim, from string) (worlds.World, error) {
	a, known := o.known[c]
	if !known {
		a.world, a.err = o.worlds.Trust(c, from)
		o.known[c] = a
	}
	return a.world, a.err
}
