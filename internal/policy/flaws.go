package policy

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Flaw is a design that was broken, or would be, on a module.
type Flaw struct {
	Name     string
	Source   string // who found it, or where it was
	Design   Design
	Module   Module
	Attacker Attacker
	// Goal and What are what the search must reach.
	Goal Goal
	What string
}

// Flaws lists the seeded flaws: each differs from what ships in one thing.
func Flaws() []Flaw {
	return append(append(flawsOfKeys(), flawsOfOrigin()...), flawsOfModules()...)
}

// flaw is one on SoftHSM's semantics, for the operator.
func flaw(name, source string, g Goal, what string, change func(*Design)) Flaw {
	f := Flaw{
		Name: name, Source: source, Design: Shipped(Guards()[0]), Module: SoftHSM(), Attacker: TheOperator(),
		Goal: g, What: what,
	}
	change(&f.Design)
	f.Design.Name = name
	return f
}

func (f Flaw) on(m Module) Flaw {
	f.Module = m
	return f
}

func (f Flaw) by(a Attacker) Flaw {
	f.Attacker = a
	return f
}

// Flaws of what is on the token when, and of what it may do.
func flawsOfKeys() []Flaw {
	const (
		clulow  = "Clulow 2003"
		tookan  = "Bortolozzo, Centenaro, Focardi, Steel 2010"
		release = "byok 0.1.0"
		draft   = "a draft of this design"
	)
	onToken := has(pkcs11.CKA_TOKEN, true)
	return []Flaw{
		flaw("KEK and transfer key wait on the token", release, InTheClear, "transfer key of the EC key for vault A's KEK",
			func(d *Design) {
				d.Table = d.Table.With(RowKEK, onToken).Without(RowKEK, p11.Copyable).WithAnyMechanism(RowKEK).
					With(RowTransferKey, onToken).Without(RowTransferKey, p11.Copyable).WithAnyMechanism(RowTransferKey)
			}),
		flaw("one transfer key for two pairs", draft, Unapproved, "EC key for vault B's KEK",
			func(d *Design) { d.SharedTransferKey = true }).by(Thief()),
		flaw("the KEK waits on the token, one call", draft, Unapproved, "EC key for vault B's KEK",
			func(d *Design) { d.Table = d.Table.With(RowKEK, onToken) }).on(OpenCryptoki()),
		flaw("KW can be copied", draft, InTheClear, "EC key",
			func(d *Design) { d.Table = d.Table.Without(RowKWFrozen, p11.Copyable) }).on(OpenCryptoki().TwoSteps()),
		flaw("KW may decrypt", clulow, InTheClear, "EC key",
			func(d *Design) {
				d.Table = d.Table.With(RowKWMade, has(pkcs11.CKA_DECRYPT, true)).WithAnyMechanism(RowKWMade)
			}),
		flaw("KW may unwrap: the same blob again, without restrictions", tookan, InTheClear, "EC key",
			func(d *Design) { d.Table = d.Table.With(RowKWMade, has(pkcs11.CKA_UNWRAP, true)) }),
		flaw("any key wraps a kept key", clulow, InTheClear, "EC key",
			func(d *Design) { d.Table = d.Table.With(RowECKey, has(pkcs11.CKA_WRAP_WITH_TRUSTED, false)) }),
		flaw("the key is looked up again after its proof", draft, Unapproved,
			"EC key made without a quorum for vault A's KEK",
			func(d *Design) { d.FindsAgain = true }),
		flaw("new cards, old KW", draft, InTheClear, "EC key",
			func(d *Design) { d.KeepsKW = true }).by(OldHolders()),
		flaw("an adopted token with a trusted key of its former SO", release, InTheClear, "EC key",
			func(d *Design) { d.ForeignTrusted = true }),
	}
}

// Flaws of how the origin of a key is judged.
func flawsOfOrigin() []Flaw {
	const shown = Sensitive | Extractable | WrapWithTrusted | Local
	return []Flaw{
		flaw("a forged backup is restored as generated", "a draft of this design", KnownKey, ownAES.Name,
			func(d *Design) { d.RestoresAsQuorum = true }).by(TheOperator()),
		flaw("LOCAL is taken for a proof of origin", "byok 0.1.0", KnownKey, "the operator's EC key without SENSITIVE",
			func(d *Design) { d.OriginByAttributes = shown }),
		flaw("WRAP_WITH_TRUSTED is set after wrapping out", "a draft of this design", KnownKey,
			"the operator's EC key without WRAP_WITH_TRUSTED",
			func(d *Design) { d.OriginByAttributes = shown | AlwaysSensitive }).on(OpenCryptoki()),
	}
}

// Flaws of modules that the ceremony refuses.
func flawsOfModules() []Flaw {
	const (
		tookan = "Bortolozzo, Centenaro, Focardi, Steel 2010"
		proxy  = "pkcs11-proxy 0.4.1"
	)
	as := func(name string, change func(m *Module)) Module {
		m := SoftHSM()
		m.Name = name
		change(&m)
		return m
	}
	none := func(*Design) {}
	return []Flaw{
		flaw("a key is joined to another (CKM_CONCATENATE_BASE_AND_KEY)", "Clulow 2003", InTheClear, "AES key", none).
			on(as("a module that derives as the standard says", func(m *Module) { m.Joins = JoiningAsStandard })),
		flaw("the user makes a trusted key", tookan, InTheClear, "EC key", none).
			on(as("a module where the user may trust", func(m *Module) { m.TrustByUser = true })),
		flaw("SENSITIVE can be undone", tookan, InTheClear, "EC key", none).
			on(as("a module that undoes one-way attributes", func(m *Module) { m.UndoesOneWay = true })),
		flaw("WRAP_WITH_TRUSTED is not enforced", "NSS softoken", InTheClear, "EC key", none).
			on(as("a module that ignores WRAP_WITH_TRUSTED", func(m *Module) { m.IgnoresWWT = true })),
		flaw("session objects are seen by other processes", proxy, InTheClear, "KW", none).
			on(as("a module that shares sessions", func(m *Module) { m.SharesSessions = true })),
	}
}
