package statement

import (
	"errors"
	"fmt"
)

// Replaced is a key that another one follows: in a vault the new one becomes
// the next version of the old one's name.
type Replaced struct {
	Ident    string `json:"ident"`
	Identity        // the old key
}

// Same reports whether both are the same key under the same ident, or both nil.
func (r *Replaced) Same(o *Replaced) bool {
	if r == nil || o == nil {
		return r == o
	}
	return r.Ident == o.Ident && r.Identity.Same(o.Identity)
}

// Check refuses a key that the key called ident cannot follow; nil is none.
func (r *Replaced) Check(ident string, key Identity) error {
	if r == nil {
		return nil
	}
	if err := CheckIdent(r.Ident); err != nil {
		return fmt.Errorf("field replaces.ident: %w", err)
	}
	if err := r.Identity.Check(); err != nil {
		return fmt.Errorf("field replaces: %w", err)
	}
	if r.Ident == ident || r.Identity.Same(key) {
		return errors.New("field replaces: a key does not follow itself")
	}
	if err := MayFollow(key, r.Identity); err != nil {
		return fmt.Errorf("field replaces: %w", err)
	}
	return nil
}

// MayFollow refuses a key that is weaker than the one it is to follow, or of
// another type: applications go on with the same algorithms. A larger key may
// follow a smaller one, and P-256K and P-256 do not follow each other.
func MayFollow(key, old Identity) error {
	switch {
	case key.KeyType != old.KeyType:
		return fmt.Errorf("a key of type %s does not follow one of type %s", key.KeyType, old.KeyType)
	case key.Bits < old.Bits:
		return fmt.Errorf("%v does not follow %v, which is larger", key, old)
	case key.Bits == old.Bits && key.Curve != old.Curve:
		return fmt.Errorf("%v does not follow %v, another curve of the same size", key, old)
	}
	return nil
}
