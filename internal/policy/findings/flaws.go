package findings

import (
	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy"
	"byok/internal/policy/token"
)

// Flaw is a design that was broken, or would be, on a module.
type Flaw struct {
	Name     string
	Source   string // who found it, or where it was
	Design   policy.Design
	Module   token.Module
	Attacker policy.Attacker
	// Goal and What are what the search must reach.
	Goal policy.Goal
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
func flaw(name, source string, g policy.Goal, what string, change func(*policy.Design)) Flaw {
	f := Flaw{
		Name: name, Source: source, Design: shipped(), Module: token.SoftHSM(), Attacker: policy.TheOperator(),
		Goal: g, What: what,
	}
	change(&f.Design)
	f.Design.Name = name
	return f
}

func (f Flaw) on(m token.Module) Flaw {
	f.Module = m
	return f
}

// played notes how the shim plays the module.
func (f Flaw) played(switches string) Flaw {
	f.Shim = switches
	return f
}

func (f Flaw) by(a policy.Attacker) Flaw {
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
	onToken := token.Has(pkcs11.CKA_TOKEN, true)
	return []Flaw{
		flaw("KEK and transfer key wait on the token", release, policy.InTheClear, "transfer key of EC key for KEK A",
			func(d *policy.Design) {
				for _, row := range []string{policy.RowKEK, policy.RowTransferKey} {
					d.Table = d.Table.With(row, onToken).Without(row, p11.Copyable).WithAnyMechanism(row)
				}
			}),
		flaw("one transfer key for two pairs", draft, policy.Unapproved, "EC key for KEK B",
			func(d *policy.Design) { d.SharedTransferKey = true }).by(policy.Thief()),
		flaw("the KEK waits on the token, one call", draft, policy.Unapproved, "EC key for KEK B",
			func(d *policy.Design) { d.Table = d.Table.With(policy.RowKEK, onToken) }).
			on(token.Standard()).played("SHIM_RSA_AES=1"),
		flaw("KW can be copied", draft, policy.InTheClear, "EC key",
			func(d *policy.Design) { d.Table = d.Table.Without(policy.RowKWFrozen, p11.Copyable) }).
			on(token.OpenCryptoki()).played("SHIM_WEAK=modifiable"),
		flaw("KW may decrypt", clulow, policy.InTheClear, "EC key",
			func(d *policy.Design) {
				d.Table = d.Table.With(policy.RowKWMade, token.Has(pkcs11.CKA_DECRYPT, true)).WithAnyMechanism(policy.RowKWMade)
			}),
		flaw("KW may unwrap: the same blob again, without restrictions", tookan, policy.InTheClear, "EC key",
			func(d *policy.Design) { d.Table = d.Table.With(policy.RowKWMade, token.Has(pkcs11.CKA_UNWRAP, true)) }),
		flaw("any key wraps a kept key", clulow, policy.InTheClear, "EC key",
			func(d *policy.Design) {
				d.Table = d.Table.With(policy.RowECKey, token.Has(pkcs11.CKA_WRAP_WITH_TRUSTED, false))
			}),
		flaw("the key is looked up again after its proof", draft, policy.Unapproved,
			"EC key made without a quorum for KEK A",
			func(d *policy.Design) { d.FindsAgain = true }),
		flaw("new cards, old KW", draft, policy.InTheClear, "EC key",
			func(d *policy.Design) { d.KeepsKW = true }).by(policy.OldHolders()),
		flaw("an adopted token with a trusted key of its former SO", release, policy.InTheClear, "EC key",
			func(d *policy.Design) { d.ForeignTrusted = true }),
	}
}

// Flaws of how the origin of a key is judged.
func flawsOfOrigin() []Flaw {
	const shown = token.Sensitive | token.Extractable | token.WrapWithTrusted | token.Local
	return []Flaw{
		flaw("a forged backup is restored as generated", "a draft of this design", policy.KnownKey,
			"an AES key of the attacker's own",
			func(d *policy.Design) { d.RestoresAsQuorum = true }).by(policy.TheOperator()),
		flaw("LOCAL is taken for a proof of origin", "byok 0.1.0", policy.KnownKey, "the operator's EC key without SENSITIVE",
			func(d *policy.Design) { d.OriginByAttributes = shown }),
		flaw("WRAP_WITH_TRUSTED is set after wrapping out", "a draft of this design", policy.KnownKey,
			"the operator's EC key without WRAP_WITH_TRUSTED",
			func(d *policy.Design) { d.OriginByAttributes = shown | token.AlwaysSensitive }).
			on(token.Standard()).played("SHIM_AT=C_SetAttributeValue+ SHIM_DO=fail=0x0 SHIM_REPORT=0x210=1"),
	}
}

// Flaws of modules that the ceremony refuses.
func flawsOfModules() []Flaw {
	const (
		tookan = "Bortolozzo, Centenaro, Focardi, Steel 2010"
		proxy  = "pkcs11-proxy 0.4.1"
		plain  = "SHIM_UNKNOWN=0x171 SHIM_WEAK=modifiable SHIM_COPIES=plain"
	)
	as := func(name string, change func(m *token.Module)) token.Module {
		m := token.SoftHSM()
		m.Name = name
		change(&m)
		return m
	}
	none := func(*policy.Design) {}
	return []Flaw{
		flaw("a key is joined to another (CKM_CONCATENATE_BASE_AND_KEY)", "Clulow 2003", policy.InTheClear, "AES key", none).
			on(as("a module that derives as the standard says", func(m *token.Module) { m.Joins = token.JoiningAsStandard })).
			played("SHIM_DERIVE=0x360 SHIM_DERIVE_RULE=values SHIM_WEAK=sensitive"),
		flaw("the user makes a trusted key", tookan, policy.InTheClear, "EC key", none).
			on(as("a module where the user may trust", func(m *token.Module) { m.TrustByUser = true })).
			played("SHIM_WEAK=trusted,wrap-with-trusted"),
		flaw("SENSITIVE can be undone", tookan, policy.InTheClear, "EC key", none).
			on(as("a module that undoes one-way attributes", func(m *token.Module) { m.UndoesOneWay = true })).
			played("SHIM_WEAK=sensitive"),
		flaw("WRAP_WITH_TRUSTED is not enforced", "NSS softoken", policy.InTheClear, "EC key", none).
			on(as("a module that ignores WRAP_WITH_TRUSTED", func(m *token.Module) { m.IgnoresWWT = true })).
			played("SHIM_WEAK=wrap-with-trusted"),
		flaw("a trusted key can be copied as it is, and the copy outlives a card replacement", "this search",
			policy.InTheClear, "AES key", none).by(policy.OldHoldersAndOperator()).
			on(as("a module without COPYABLE that copies frozen objects", func(m *token.Module) {
				m.KnowsCopyable, m.Copies = false, token.PlainCopies
			})).played(plain),
		flaw("the anchor can be copied as it is", "this search", policy.OwnAnchor, "KM", none).
			on(as("a module without COPYABLE that copies frozen objects", func(m *token.Module) {
				m.KnowsCopyable, m.Copies = false, token.PlainCopies
			})).played(plain),
		flaw("session objects are seen by other processes", proxy, policy.InTheClear, "KW", none).
			on(as("a module that shares sessions", func(m *token.Module) { m.SharesSessions = true })),
	}
}
