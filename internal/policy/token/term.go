package token

import "fmt"

// Kind is what a key is.
type Kind int

// The kinds.
const (
	AES Kind = iota
	EC
	RSA
)

// Term is a value, as far as anyone can tell from the outside. Terms are
// comparable.
type Term interface {
	fmt.Stringer
	depth() int
}

// Key is a secret key, or the private half of a pair. The public half of every
// pair is known to everyone, and stands for no term.
type Key struct {
	Name string
	Kind Kind
	// Own is true for keys that the attacker has made, in software or on the
	// token.
	Own bool
	// Once is true for AES keys that the token draws inside one call. They end
	// there: no rule makes an object of one, or wraps one.
	Once bool
}

// KWP is AES key wrap of a value (RFC 5649). Encrypting in ECB mode gives the
// same, block by block, and decrypting undoes it.
type KWP struct{ Inner, Under Term }

// OAEP is RSA-OAEP of a value for the public half of a pair.
type OAEP struct {
	Inner Term
	To    Key
}

// Blob is what CKM_RSA_AES_KEY_WRAP gives: two parts that anyone can take apart
// and join to others.
type Blob struct {
	First  OAEP
	Second KWP
}

// Joined is a value with another behind it (CKM_CONCATENATE_BASE_AND_KEY).
type Joined struct{ First, Second Term }

// CheckValue is the zero block under an AES key, all 16 bytes: what an AES key
// is recorded by.
type CheckValue struct{ Of Key }

func (k Key) String() string        { return k.Name }
func (w KWP) String() string        { return fmt.Sprintf("{%v} under %v", w.Inner, w.Under) }
func (w OAEP) String() string       { return fmt.Sprintf("{%v} for %v", w.Inner, w.To) }
func (b Blob) String() string       { return fmt.Sprintf("a blob for %v of %v", b.First.To, b.Second.Inner) }
func (j Joined) String() string     { return fmt.Sprintf("%v followed by %v", j.First, j.Second) }
func (c CheckValue) String() string { return fmt.Sprintf("the check value of %v", c.Of) }

func (k Key) depth() int        { return 1 }
func (w KWP) depth() int        { return 1 + max(w.Inner.depth(), w.Under.depth()) }
func (w OAEP) depth() int       { return 1 + w.Inner.depth() }
func (b Blob) depth() int       { return 1 + max(b.First.depth(), b.Second.depth()) }
func (j Joined) depth() int     { return 1 + max(j.First.depth(), j.Second.depth()) }
func (c CheckValue) depth() int { return 2 }

// Depth is how many layers deep a term is, 1 for a key.
func Depth(t Term) int { return t.depth() }

// isAES returns the key if a term is an AES key.
func isAES(t Term) (Key, bool) {
	k, is := t.(Key)
	return k, is && k.Kind == AES
}
