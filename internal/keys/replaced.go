package keys

import (
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
)

// A key may follow another of the world: --replaces.

// checkReplaced refuses a key that the new one cannot follow: one that is not
// there, that another key in use follows already, or that is stronger or of
// another type.
func (g Generation) checkReplaced(chain *kmdata.Chain) error {
	if g.Replaces == g.Ident {
		return exitcode.Errorf(exitcode.Usage, "--replaces %s: a key does not follow itself", g.Ident)
	}
	old, err := g.oldFile(chain)
	if old == nil || err != nil {
		return err
	}
	kind := g.Spec.Kind
	wanted := statement.Identity{KeyType: kind.Type, Bits: kind.Bits, Curve: kind.Curve}
	if err := statement.MayFollow(wanted, old.Identity); err != nil {
		return exitcode.Errorf(exitcode.Refused, "--replaces %s: %w", old.Ident, err).
			Hint("generate a key of the same type, and at least as large")
	}
	if err := g.notInACircle(chain, old); err != nil {
		return err
	}
	return g.onlyFollower(chain, old.Ident)
}

// oldFile is the file of the key to be followed, nil for none.
func (g Generation) oldFile(chain *kmdata.Chain) (*kmdata.Key, error) {
	if g.Replaces == "" {
		return nil, nil
	}
	old, err := chain.Key(g.Replaces)
	if exitcode.Of(err) == exitcode.Usage {
		err = exitcode.Hint(err, "byok-offline key list shows the keys that --replaces can name")
	}
	return old, err
}

// notInACircle refuses a key that, by way of others, follows the new one: a key
// that is recorded again may have followers.
func (g Generation) notInACircle(chain *kmdata.Chain, old *kmdata.Key) error {
	for seen := map[string]bool{}; old != nil && !seen[old.Ident]; {
		seen[old.Ident] = true
		r := chain.Replaces(old)
		if r == nil {
			return nil
		}
		if r.Ident == g.Ident {
			return exitcode.Errorf(exitcode.Refused, "--replaces %s: that key follows %s itself", g.Replaces, g.Ident)
		}
		old, _ = chain.Key(r.Ident) // without its file nothing is known of what it follows
	}
	return nil
}

// onlyFollower refuses a second follower of a key, unless the first was retired:
// a vault has one next version.
func (g Generation) onlyFollower(chain *kmdata.Chain, old string) error {
	for _, ident := range chain.Followers(old) {
		if ident == g.Ident { // an interrupted run's
			continue
		}
		retired, err := chain.Retired(ident)
		if err != nil {
			return err
		}
		if retired == nil {
			return exitcode.Errorf(exitcode.Refused, "--replaces %s: %s follows that key already", old, ident).
				Hint("--replaces %s, or first byok-offline key retire --ident %s", ident, ident)
		}
	}
	return nil
}

// replaced is the key that a new one follows, as the quorum takes it for a fact:
// by a statement about it, or from the token, where it proves itself. It is checked
// again: keys that were made before in this session may follow it.
func (s Quorum) replaced(g Generation) (*statement.Replaced, error) {
	if err := g.checkReplaced(s.Chain); err != nil {
		return nil, err
	}
	old, err := g.oldFile(s.Chain)
	if old == nil || err != nil {
		return nil, err
	}
	ident := old.Ident
	if !s.Chain.Knows(ident, old.Identity) {
		key, err := s.HSM.FindKey(old.Name())
		if err != nil {
			return nil, exitcode.Hint(err, "no statement names %s, so the token must hold it: "+
				"byok-offline key restore --ident %s --card DIR …", ident, ident)
		}
		if err := s.HSM.Proves(key, session.Wanted(old.Identity)); err != nil {
			return nil, err
		}
	}
	return &statement.Replaced{Ident: ident, Identity: old.Identity}, nil
}

// replacedAlone is the key that a new one follows by its file alone.
func (g Generation) replacedAlone(chain *kmdata.Chain) (*statement.Replaced, error) {
	old, err := g.oldFile(chain)
	if old == nil || err != nil {
		return nil, err
	}
	return &statement.Replaced{Ident: old.Ident, Identity: old.Identity}, nil
}

// Followed returns the key that k follows, nil for none. A key file that says otherwise than the
// quorum has signed was signed by the operator since, and has status Check.
func Followed(chain *kmdata.Chain, k *kmdata.Key) (*statement.Replaced, error) {
	r := chain.Replaces(k)
	if !r.Same(k.Replaces) {
		return nil, exitcode.Errorf(exitcode.Check, "%s: field replaces: the key's origin statement says otherwise",
			chain.KeyPath(k.Ident)).
			Hint("put that file and its .sig back from your copy of kmdata")
	}
	return r, nil
}
