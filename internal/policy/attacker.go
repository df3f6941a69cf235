package policy

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy/token"
)

// Attacker is what somebody has to attack with. Everyone has the packages, the
// public keys, and keys of his own.
type Attacker struct {
	Name string
	// Token: the user PIN, and a process of his own beside the ceremony's.
	Token bool
	// Files: kmdata, and so every backup, past or present.
	Files bool
	// Vault: he imports with the vaults' KEKs, and uses what was imported.
	Vault bool
	// OldCards: he has K cards of a set that was replaced, so its KM.
	OldCards bool
}

// Thief has the stick.
func Thief() Attacker { return Attacker{Name: "thief of the stick"} }

// TheOperator is the operator, with a user of the vaults.
func TheOperator() Attacker {
	return Attacker{Name: "operator, with the vaults' user", Token: true, Files: true, Vault: true}
}

// OldHolders are K holders of replaced cards.
func OldHolders() Attacker {
	return Attacker{Name: "K holders of replaced cards, with kmdata", Files: true, OldCards: true}
}

// OldHoldersAndOperator are both.
func OldHoldersAndOperator() Attacker {
	return Attacker{
		Name:  "K holders of replaced cards, who are also the operator",
		Token: true, Files: true, Vault: true, OldCards: true,
	}
}

// Attackers lists them.
func Attackers() []Attacker {
	return []Attacker{Thief(), OldHolders(), TheOperator(), OldHoldersAndOperator()}
}

// Keys of the attacker's own, made in software.
var (
	ownAES = token.Key{Name: "an AES key of the attacker's own", Kind: token.AES, Own: true}
	ownRSA = token.Key{Name: "an RSA key of the attacker's own", Kind: token.RSA, Own: true}
)

// begin is what the attacker has before anything happened.
func (s *Search) begin() {
	aes := s.derive(Knows{ownAES}, Step{Who: Software, Op: Invent, Text: say("choose %v", ownAES)})
	rsa := s.derive(Knows{ownRSA}, Step{Who: Software, Op: Invent, Text: say("choose %v", ownRSA)})
	if !s.attacker.Token {
		return
	}
	s.create(ownAES, p11.SecretKey, aes)
	s.create(ownRSA, p11.PublicKey, rsa)
	s.generateAlike()
}

// create puts a key of known value on the token, with every use, and trusted
// where the module lets a user do that.
func (s *Search) create(k token.Key, class p11.Class, from ...*Derivation) {
	for _, trusted := range []bool{false, true} {
		t, name := token.Unrestricted(class), ""
		if trusted {
			t, name = append(t, token.Has(pkcs11.CKA_TRUSTED, true)), ", with TRUSTED"
		}
		half := "for "
		if class == p11.PublicKey {
			half = "for the public half of "
		}
		text := say("%s %s%s%s", Create, half, k.Name, name)
		s.make(Step{Who: Attacks, Op: Create, Text: text, Template: t}, k, class, from...)
	}
}

// generateAlike generates keys that look like the ceremony's, in all but what
// keeps their value secret.
func (s *Search) generateAlike() {
	row := s.design.Table.Get(RowOperatorsKey)
	for _, v := range []struct {
		name string
		off  uint
	}{
		{"EC key without SENSITIVE", pkcs11.CKA_SENSITIVE},
		{"EC key without WRAP_WITH_TRUSTED", pkcs11.CKA_WRAP_WITH_TRUSTED},
	} {
		k := token.Key{Name: "the operator's " + v.name, Kind: token.EC, Own: true}
		t := row.Template.With(token.Has(v.off, false))
		text := say("%sPair of an %s", Generate, v.name)
		s.make(Step{Who: Attacks, Op: Generate, Text: text, Template: t}, k, p11.PrivateKey)
	}
}

// make derives an object that the attacker makes.
func (s *Search) make(step Step, value token.Term, class p11.Class, from ...*Derivation) {
	attrs, made := s.makes(step, class)
	if made {
		s.derive(s.owned(value, class, attrs, Always), step, from...)
	}
}

// makes returns the attributes of what a step makes, other than a copy, and false
// if the module refuses it.
func (s *Search) makes(step Step, class p11.Class) (token.Attrs, bool) {
	attrs, made := s.module.Make(step.Who.role(), class, step.Template)
	if made && step.Op == Generate && class != p11.PublicKey {
		attrs = attrs.Generated()
	}
	return attrs, made
}

func (s *Search) owned(value token.Term, class p11.Class, attrs token.Attrs, life Life) Object {
	o := token.Object{Value: value, Class: class, Attrs: s.plain(attrs), Mechanism: p11.NoMechanism}
	return Object{Object: o, Life: life}
}

// plain leaves out what no rule of the design asks for.
func (s *Search) plain(a token.Attrs) token.Attrs {
	if s.design.OriginByAttributes == 0 {
		a &^= token.History
	}
	return a &^ token.Plain
}

// classOf is the class of the object that holds a value.
func classOf(t token.Term) p11.Class {
	if k, isKey := t.(token.Key); isKey && k.Kind != token.AES {
		return p11.PrivateKey
	}
	return p11.SecretKey
}
