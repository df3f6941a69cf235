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
	// Shim are the switches by which the shim plays the module on SoftHSM, as
	// NAME=VALUE with spaces between; "" is SoftHSM itself.
	Shim string
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

// played notes how the shim plays the module.
func (f Flaw) played(switches string) Flaw {
	f.Shim = switches
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
		flaw("KEK and transfer key wait on the token", release, InTheClear, "transfer key of EC key for KEK A",
			func(d *Design) {
				d.Table = d.Table.With(RowKEK, onToken).Without(RowKEK, p11.Copyable).WithAnyMechanism(RowKEK).
					With(RowTransferKey, onToken).Without(RowTransferKey, p11.Copyable).WithAnyMechanism(RowTransferKey)
			}),
		flaw("one transfer key for two pairs", draft, Unapproved, "EC key for KEK B",
			func(d *Design) { d.SharedTransferKey = true }).by(Thief()),
		flaw("the KEK waits on the token, one call", draft, Unapproved, "EC key for KEK B",
			func(d *Design) { d.Table = d.Table.With(RowKEK, onToken) }).
			on(OpenCryptoki()).played("SHIM_RSA_AES=1"),
		flaw("KW can be copied", draft, InTheClear, "EC key",
			func(d *Design) { d.Table = d.Table.Without(RowKWFrozen, p11.Copyable) }).
			on(OpenCryptoki().TwoSteps()).played("SHIM_WEAK=modifiable"),
		flaw("KW may decrypt", clulow, InTheClear, "EC key",
			func(d *Design) {
				d.Table = d.Table.With(RowKWMade, has(pkcs11.CKA_DECRYPT, true)).WithAnyMechanism(RowKWMade)
			}),
		flaw("KW may unwrap: the same blob again, without restrictions", tookan, InTheClear, "EC key",
			func(d *Design) { d.Table = d.Table.With(RowKWMade, has(pkcs11.CKA_UNWRAP, true)) }),
		flaw("any key wraps a kept key", clulow, InTheClear, "EC key",
			func(d *Design) { d.Table = d.Table.With(RowECKey, has(pkcs11.CKA_WRAP_WITH_TRUSTED, false)) }),
		flaw("the key is looked up again after its proof", draft, Unapproved,
			"EC key made without a quorum for KEK A",
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
			func(d *Design) { d.OriginByAttributes = shown | AlwaysSensitive }).
			on(OpenCryptoki()).played("SHIM_AT=C_SetAttributeValue+ SHIM_DO=fail=0x0 SHIM_REPORT=0x210=1"),
	}
}

// Flaws of modules that the ceremony refuses.
func flawsOfModules() []Flaw {
	const (
		tookan = "Bortolozzo, Centenaro, Focardi, Steel 2010"
		proxy  = "pkcs11-proxy 0.4.1"
		plain  = "SHIM_UNKNOWN=0x171 SHIM_WEAK=modifiable SHIM_COPIES=plain"
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
			on(as("a module that derives as the standard says", func(m *Module) { m.Joins = JoiningAsStandard })).
			played("SHIM_DERIVE=0x360 SHIM_DERIVE_RULE=values SHIM_WEAK=sensitive"),
		flaw("the user makes a trusted key", tookan, InTheClear, "EC key", none).
			on(as("a module where the user may trust", func(m *Module) { m.TrustByUser = true })).
			played("SHIM_WEAK=trusted,wrap-with-trusted"),
		flaw("SENSITIVE can be undone", tookan, InTheClear, "EC key", none).
			on(as("a module that undoes one-way attributes", func(m *Module) { m.UndoesOneWay = true })).
			played("SHIM_WEAK=sensitive"),
		flaw("WRAP_WITH_TRUSTED is not enforced", "NSS softoken", InTheClear, "EC key", none).
			on(as("a module that ignores WRAP_WITH_TRUSTED", func(m *Module) { m.IgnoresWWT = true })).
			played("SHIM_WEAK=wrap-with-trusted"),
		flaw("a trusted key can be copied as it is, and the copy outlives a card replacement", "this search", InTheClear,
			"AES key", none).by(OldHoldersAndOperator()).
			on(as("a module without COPYABLE that copies frozen objects", func(m *Module) {
				m.KnowsCopyable, m.Copies = false, PlainCopies
			})).played(plain),
		flaw("the anchor can be copied as it is", "this search", OwnAnchor, "KM", none).
			on(as("a module without COPYABLE that copies frozen objects", func(m *Module) {
				m.KnowsCopyable, m.Copies = false, PlainCopies
			})).played(plain),
		flaw("session objects are seen by other processes", proxy, InTheClear, "KW", none).
			on(as("a module that shares sessions", func(m *Module) { m.SharesSessions = true })),
	}
}
