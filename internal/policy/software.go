package policy

// What an attacker does without a token, and what he does in the vault.

// inSoftware derives what a value gives to whoever knows it, alone or with
// another.
func (s *Search) inSoftware(d *Derivation, t Term) {
	switch x := t.(type) {
	case Key:
		s.onKey(d, x)
	case KWP:
		s.openKWP(s.settled[Knows{x.Under}], d, x)
	case OAEP:
		s.openOAEP(s.settled[Knows{x.To}], d, x)
	case Blob:
		s.software(TakeOff, x.First, d)
		s.software(TakeOff, x.Second, d)
		s.accepts(d, x)
	case Joined:
		s.software(TakeOff, x.First, d)
		s.software(TakeOff, x.Second, d)
	case CheckValue:
		s.onCheckValue(x)
	}
	s.putTogether(d, t)
}

func (s *Search) software(op Op, t Term, from ...*Derivation) {
	text := say("%s: %v", op, t)
	s.derive(Knows{t}, Step{Who: Software, Op: op, Text: text}, from...)
}

// onKey opens everything that is under a key, and seals with it what the
// ceremony or the vault takes.
func (s *Search) onKey(d *Derivation, k Key) {
	for _, other := range s.terms {
		switch x := other.term().(type) {
		case KWP:
			s.openKWP(d, other, x)
		case OAEP:
			s.openOAEP(d, other, x)
		}
	}
	if k.Kind == AES {
		s.software(Encipher, CheckValue{k}, d)
	}
	if k == ownAES {
		for _, to := range s.doors() {
			s.software(SealOAEP, OAEP{k, to}, d)
		}
	}
	if own := s.settled[Knows{ownAES}]; own != nil && k != ownRSA && !k.Once {
		s.software(SealKWP, KWP{k, ownAES}, d, own)
	}
}

// doors are the public keys for which anyone can seal what is then opened by
// the quorum or the vault.
func (s *Search) doors() []Key {
	list := append([]Key{}, s.keks...)
	for _, km := range s.kms {
		list = append(list, km.object().key())
	}
	return list
}

func (s *Search) openKWP(key, d *Derivation, x KWP) {
	if under, is := x.Under.(Key); key != nil && is && Term(under) == key.term() {
		s.software(OpenKWP, x.Inner, key, d)
	}
}

func (s *Search) openOAEP(key, d *Derivation, x OAEP) {
	if key != nil && Term(x.To) == key.term() {
		s.software(OpenOAEP, x.Inner, key, d)
	}
}

// putTogether makes blobs of halves that fit: the same AES key in both.
func (s *Search) putTogether(d *Derivation, t Term) {
	switch x := t.(type) {
	case OAEP:
		for _, other := range s.terms {
			if second, is := other.term().(KWP); is && second.Under == x.Inner {
				s.software(PutOn, Blob{x, second}, d, other)
			}
		}
	case KWP:
		for _, other := range s.terms {
			if first, is := other.term().(OAEP); is && first.Inner == x.Under {
				s.software(PutOn, Blob{first, x}, other, d)
			}
		}
	}
}

// accepts has the vault import a blob for a KEK, or the quorum restore one for
// KM.
func (s *Search) accepts(d *Derivation, b Blob) {
	value, isKey := b.Second.Inner.(Key)
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
		if km.object().Value == Term(b.First.To) {
			s.restore(km, d, b)
		}
	}
}

// onCheckValue restores the AES key that can now be described to the quorum.
func (s *Search) onCheckValue(c CheckValue) {
	for _, other := range s.terms {
		if b, is := other.term().(Blob); is && b.Second.Inner == Term(c.Of) {
			s.accepts(other, b)
		}
	}
}

// inVault derives what a key in the vault opens.
func (s *Search) inVault(d *Derivation, v InVault, t *Derivation) {
	var inner Term
	switch x := t.term().(type) {
	case KWP:
		if x.Under == Term(v.Value) && v.Value.Kind == AES {
			inner = x.Inner
		}
	case OAEP:
		if x.To == v.Value {
			inner = x.Inner
		}
	}
	if inner != nil {
		text := say("%s %v with %v", Decipher, t.term(), v.Value)
		s.derive(Knows{inner}, Step{Who: User, Op: Decipher, Text: text}, d, t)
	}
}
