package policy

import "byok/internal/policy/token"

// What an attacker does without a token, and what he does in the vault.

// inSoftware derives what a value gives to whoever knows it, alone or with
// another.
func (s *Search) inSoftware(d *Derivation, t token.Term) {
	switch x := t.(type) {
	case token.Key:
		s.onKey(d, x)
	case token.KWP:
		s.openKWP(s.settled[Knows{x.Under}], d, x)
	case token.OAEP:
		s.openOAEP(s.settled[Knows{x.To}], d, x)
	case token.Blob:
		s.software(TakeOff, x.First, d)
		s.software(TakeOff, x.Second, d)
		s.accepts(d, x)
	case token.Joined:
		s.software(TakeOff, x.First, d)
		s.software(TakeOff, x.Second, d)
	case token.CheckValue:
		s.onCheckValue(x)
	}
	s.putTogether(d, t)
}

func (s *Search) software(op Op, t token.Term, from ...*Derivation) {
	text := say("%s: %v", op, t)
	s.derive(Knows{t}, Step{Who: Software, Op: op, Text: text}, from...)
}

// onKey opens everything that is under a key, and seals with it what the
// ceremony or the vault takes.
func (s *Search) onKey(d *Derivation, k token.Key) {
	for _, other := range s.terms {
		switch x := other.term().(type) {
		case token.KWP:
			s.openKWP(d, other, x)
		case token.OAEP:
			s.openOAEP(d, other, x)
		}
	}
	if k.Kind == token.AES {
		s.software(Encipher, token.CheckValue{Of: k}, d)
	}
	if k == ownAES {
		for _, to := range s.doors() {
			s.software(SealOAEP, token.OAEP{Inner: k, To: to}, d)
		}
	}
	if own := s.settled[Knows{ownAES}]; own != nil && k != ownRSA && !k.Once {
		s.software(SealKWP, token.KWP{Inner: k, Under: ownAES}, d, own)
	}
}

// doors are the public keys for which anyone can seal what is then opened by
// the quorum or the vault.
func (s *Search) doors() []token.Key {
	list := append([]token.Key{}, s.keks...)
	for _, km := range s.kms {
		list = append(list, km.object().key())
	}
	return list
}

func (s *Search) openKWP(key, d *Derivation, x token.KWP) {
	if under, is := x.Under.(token.Key); key != nil && is && token.Term(under) == key.term() {
		s.software(OpenKWP, x.Inner, key, d)
	}
}

func (s *Search) openOAEP(key, d *Derivation, x token.OAEP) {
	if key != nil && token.Term(x.To) == key.term() {
		s.software(OpenOAEP, x.Inner, key, d)
	}
}

// putTogether makes blobs of halves that fit: the same AES key in both.
func (s *Search) putTogether(d *Derivation, t token.Term) {
	switch x := t.(type) {
	case token.OAEP:
		for _, other := range s.terms {
			if second, is := other.term().(token.KWP); is && second.Under == x.Inner {
				s.software(PutOn, token.Blob{First: x, Second: second}, d, other)
			}
		}
	case token.KWP:
		for _, other := range s.terms {
			if first, is := other.term().(token.OAEP); is && first.Inner == x.Under {
				s.software(PutOn, token.Blob{First: first, Second: x}, other, d)
			}
		}
	}
}

// accepts has the vault import a blob for a KEK, or the quorum restore one for
// KM.
func (s *Search) accepts(d *Derivation, b token.Blob) {
	value, isKey := b.Second.Inner.(token.Key)
	if !isKey {
		return
	}
	for _, kek := range s.keks {
		if kek == b.First.To && s.attacker.Vault {
			step := Step{Who: User, Op: Import, Text: say("%s of %v with %v", Import, value, kek)}
			s.derive(InVault{kek, value}, step, d)
		}
	}
	for _, km := range s.kms {
		if km.object().Value == token.Term(b.First.To) {
			s.restore(km, d, b)
		}
	}
}

// onCheckValue restores the AES key that can now be described to the quorum.
func (s *Search) onCheckValue(c token.CheckValue) {
	for _, other := range s.terms {
		if b, is := other.term().(token.Blob); is && b.Second.Inner == token.Term(c.Of) {
			s.accepts(other, b)
		}
	}
}

// inVault derives what a key in the vault opens.
func (s *Search) inVault(d *Derivation, v InVault, t *Derivation) {
	var inner token.Term
	switch x := t.term().(type) {
	case token.KWP:
		if x.Under == token.Term(v.Value) && v.Value.Kind == token.AES {
			inner = x.Inner
		}
	case token.OAEP:
		if x.To == v.Value {
			inner = x.Inner
		}
	}
	if inner != nil {
		text := say("%s %v with %v", Decipher, t.term(), v.Value)
		s.derive(Knows{inner}, Step{Who: User, Op: Decipher, Text: text}, d, t)
	}
}
