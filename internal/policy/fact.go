package policy

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy/token"
)

// Fact is something that holds once it was derived. Facts are comparable.
type Fact interface{ isFact() }

// Object is the fact that an object exists: what it is, when, and whether the
// attacker sees it.
type Object struct {
	token.Object
	Life Life
	// Hidden is true for session objects of the ceremony's own process.
	Hidden bool
}

// Knows is the attacker's knowledge of a value.
type Knows struct{ Term token.Term }

// InVault is a key that was imported with a KEK, for every operation.
type InVault struct {
	KEK   token.Key
	Value token.Key
}

// Origin is a key that the record calls made before the quorum.
type Origin struct{ Of token.Key }

// Anchored is an object that passes for the token's anchor with another label.
type Anchored struct{ Object Object }

func (Object) isFact()   {}
func (Knows) isFact()    {}
func (InVault) isFact()  {}
func (Origin) isFact()   {}
func (Anchored) isFact() {}

// Life is when an object exists: before a card replacement, after it, or both.
type Life uint8

// The times.
const (
	Before Life = 1 << iota
	After
	Always = Before | After
)

// onwards is the life of what was made of an object: it stays.
func (l Life) onwards() Life {
	if l&Before != 0 {
		return Always
	}
	return After
}

// Who does a step.
type Who string

// Who does what. The attacker works with the user PIN, in software, and as a
// user of the vault.
const (
	Officer  Who = "quorum, as SO"
	Quorum   Who = "quorum"
	Operator Who = "operator"
	Former   Who = "a former SO"
	Attacks  Who = "attacker"
	Software Who = "attacker, in software"
	User     Who = "attacker, in the vault"
)

// role is who is logged in for a step.
func (w Who) role() uint {
	if w == Officer || w == Former {
		return pkcs11.CKU_SO
	}
	return pkcs11.CKU_USER
}

// Op is what a step does. The first ten are calls of PKCS#11.
type Op string

// The operations.
const (
	Generate  Op = "C_GenerateKey"
	Create    Op = "C_CreateObject"
	Copy      Op = "C_CopyObject"
	Set       Op = "C_SetAttributeValue"
	WrapKey   Op = "C_WrapKey"
	UnwrapKey Op = "C_UnwrapKey"
	DecryptBy Op = "C_Decrypt"
	EncryptBy Op = "C_Encrypt"
	Read      Op = "C_GetAttributeValue"
	DeriveKey Op = "C_DeriveKey"

	Invent   Op = "choose"
	OpenKWP  Op = "unwrap"
	OpenOAEP Op = "decrypt with RSA-OAEP"
	SealKWP  Op = "wrap"
	SealOAEP Op = "encrypt with RSA-OAEP"
	Encipher Op = "encrypt"
	TakeOff  Op = "take apart"
	PutOn    Op = "put together"

	Import   Op = "import"
	Decipher Op = "decrypt"

	Restore Op = "restore"
	State   Op = "sign"
)

// Text is what a step says of itself, put together where it is shown.
type Text func() string

// String implements fmt.Stringer.
func (t Text) String() string { return t() }

// say is a text with operands, as in fmt.Sprintf.
func say(format string, operands ...any) Text {
	return func() string { return fmt.Sprintf(format, operands...) }
}

// Step is one way to a fact.
type Step struct {
	Who  Who
	Op   Op
	Text Text // as the page shows it
	// Template is what an object is made with, or what is changed in it.
	Template  p11.Template
	Mechanism uint
	Row       string // of the table, for what the ceremony makes
}

// Derivation is a fact, the step that gives it, and what the step needs.
type Derivation struct {
	Fact  Fact
	Step  Step
	From  []*Derivation
	Cost  int // steps of its tree
	turn  int // when it was found, for ties
	moved int // changes of attributes since the object was made
}

// object is the object of a derivation that gives one.
func (d *Derivation) object() Object {
	o, _ := d.Fact.(Object)
	return o
}

// term is the value of a derivation that gives knowledge of one.
func (d *Derivation) term() token.Term {
	k, _ := d.Fact.(Knows)
	return k.Term
}

// key is the value of an object that holds a whole key.
func (o Object) key() token.Key {
	k, _ := o.Value.(token.Key)
	return k
}
