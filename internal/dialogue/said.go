package dialogue

import (
	"byok/internal/kek"
)

// Said gets what the vault's owner said over another channel, before anything of
// the KEK is shown.
func (u *UI) Said() (kek.Said, error) { return u.SaidOf(0) }

// SaidOf is [UI.Said] for one of several KEKs, counted from 0, whose answers may be
// given in that order.
func (u *UI) SaidOf(i int) (kek.Said, error) {
	u.nth = i
	words, err := u.answer("fingerprint", "WORDS",
		"KEK's fingerprint as the vault's owner said it, first 8 words or hex")
	if err != nil {
		return kek.Said{}, err
	}
	kid, err := u.answer("kid", "IDENTIFIER", "KEK's key identifier with its version, as the vault's owner said it")
	if err != nil {
		return kek.Said{}, err
	}
	if err := u.importOnly(); err != nil {
		return kek.Said{}, err
	}
	by, err := u.answer("said-by", "NAME", "name of who said so")
	if err != nil {
		return kek.Said{}, err
	}
	s, err := kek.ParseSaid(words, kid, true, by)
	if err == nil {
		u.r.Event.AddNote("KEK said by", s.By)
	}
	return s, err
}

// importOnly asks whether the vault's owner said what the KEK is for.
func (u *UI) importOnly() error {
	if !u.r.Bool("import-only") {
		return u.r.Console.Confirm("did the vault's owner say that import is the key's only operation?", "yes")
	}
	if !u.rehearsal {
		return forRehearsals("import-only")
	}
	return nil
}
