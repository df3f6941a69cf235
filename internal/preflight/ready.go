package preflight

import (
	"fmt"

	"byok/internal/printable"
	"byok/internal/quorum"
	"byok/internal/statement"
)

// Ready says that everything was checked which needs no person, and who is
// needed now. It sets what the prompts say that the cards are for.
func (f *Facts) Ready(m *statement.Module) {
	q := f.Chain.Set().Cards.Quorum
	held := m.Traits().UserPIN
	if len(f.Media) == 0 {
		f.UI.Say("ready: the user PIN is needed now")
		return
	}
	f.UI.For(f.purpose())
	text := "ready: " + needed(q.K, q.N)
	if !held && f.Run.Command.Name != "reset-pin" {
		text += ", and the user PIN"
	}
	f.UI.Say("%s", text)
}

// ReadyForAll says that every holder of a new card set is needed.
func (f *Facts) ReadyForAll(q quorum.Quorum) {
	f.UI.Say("ready: %s", needed(q.N, q.N))
}

// ReadyToAccept is [Facts.Ready] where a library is accepted before any module is
// known.
func (f *Facts) ReadyToAccept() {
	q := f.Chain.Set().Cards.Quorum
	f.UI.For(f.purpose())
	f.UI.Say("ready: %s", needed(q.K, q.N))
}

// needed says how many card holders are needed.
func needed(k, n int) string {
	switch {
	case n == 1:
		return "the card holder is needed now"
	case k == 1:
		return fmt.Sprintf("1 of %d card holders is needed now", n)
	case k == n:
		return fmt.Sprintf("all %d card holders are needed now", n)
	}
	return fmt.Sprintf("%d of %d card holders are needed now", k, n)
}

// purpose is what the cards of a command are for, as a prompt says it.
func (f *Facts) purpose() string {
	if say, found := purposes()[f.Run.Event.Command]; found {
		return say(f)
	}
	return "for " + f.Run.Event.Command
}

func purposes() map[string]func(*Facts) string {
	return map[string]func(*Facts) string{
		"world recover":       func(*Facts) string { return "to recover the world onto another token" },
		"world check":         func(*Facts) string { return "to check the card" },
		"world replace-cards": func(*Facts) string { return "to replace the card set" },
		"world reset-pin":     func(*Facts) string { return "to set a new user PIN" },
		"module accept":       func(*Facts) string { return "to accept another library" },
		"module strike-off":   func(f *Facts) string { return "to strike off module " + f.Run.String("module") },
		"key generate": func(f *Facts) string {
			if n := len(f.Generations); n > 1 {
				return fmt.Sprintf("to generate %d keys", n)
			}
			return "to generate key " + f.Ident
		},
		"key freeze": func(f *Facts) string { return "to freeze key " + f.Ident },
		"key restore": func(f *Facts) string {
			if len(f.Restorable) == 1 {
				return "to restore key " + f.Restorable[0].Key.Ident
			}
			return fmt.Sprintf("to restore %d keys", len(f.Restorable))
		},
		"key retire": func(f *Facts) string { return "to destroy key " + f.Ident + " on the HSM" },
		"acl modify": func(f *Facts) string {
			if keys, keks := f.count(), len(f.KEKs); len(f.Orders) > 1 {
				return fmt.Sprintf("to trust %s for %s", printable.Count(keks, "KEK"), printable.Count(keys, "key"))
			}
			kid := f.Pair().KEK().KID
			return fmt.Sprintf("to trust KEK %s of %s for %s", kid.Name, kid.Vault, f.Ident)
		},
		"package": func(f *Facts) string {
			if n := len(f.Orders); n > 1 {
				return fmt.Sprintf("to sign %d packages", n)
			}
			return "to sign the package of " + f.Ident
		},
		"ceremony seal": func(*Facts) string { return "to sign the ceremony log" },
	}
}

// count is how many keys the orders are about.
func (f *Facts) count() int {
	seen := map[string]bool{}
	for _, o := range f.Orders {
		seen[o.Ident] = true
	}
	return len(seen)
}
