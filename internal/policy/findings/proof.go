package findings

import (
	"slices"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
	"byok/internal/policy"
	"byok/internal/policy/token"
)

// Proof is one thing that the program proves of a module before it works with
// it, in packages hsm/probe and secondproc, each try with a control.
type Proof struct {
	Name  string
	Holds func(token.Module, []token.Object) bool // of a module, and what is trusted on the token
}

// Proofs lists them.
func Proofs() []Proof {
	module := func(keeps func(token.Module) bool) func(token.Module, []token.Object) bool {
		return func(m token.Module, _ []token.Object) bool { return keeps(m) }
	}
	each := func(keeps func(token.Module, token.Object) bool) func(token.Module, []token.Object) bool {
		return func(m token.Module, trusted []token.Object) bool {
			return !slices.ContainsFunc(trusted, func(o token.Object) bool { return !keeps(m, o) })
		}
	}
	return []Proof{
		{"no user makes or sets a trusted key", module(func(m token.Module) bool { return !m.TrustByUser })},
		{"SENSITIVE and WRAP_WITH_TRUSTED cannot be undone", module(func(m token.Module) bool { return !m.UndoesOneWay })},
		{"no mechanism wraps a kept key under an untrusted one", module(func(m token.Module) bool { return !m.IgnoresWWT })},
		{"no derivation reveals a kept key", module(func(m token.Module) bool { return m.Joins != token.JoiningAsStandard })},
		{"no other process sees a session object", module(func(m token.Module) bool { return !m.SharesSessions })},
		{"nothing frozen in a trusted object can be set", each(refusesSetting)},
		{"no trusted object can be copied, changed or as it is", each(refusesCopies)},
	}
}

// Proves reports whether a module passes every proof, other than some.
func Proves(m token.Module, without ...string) bool {
	trusted := trustedOn(m)
	for _, p := range Proofs() {
		if !slices.Contains(without, p.Name) && !p.Holds(m, trusted) {
			return false
		}
	}
	return true
}

// trustedOn lists the trusted objects that the ceremony leaves on a module's
// token.
func trustedOn(m token.Module) (list []token.Object) {
	for _, d := range policy.Run(shipped(), m, policy.Thief()).Ceremony() {
		if o, is := d.Fact.(policy.Object); is && !o.Hidden && o.Attrs.Has(token.Trusted) {
			list = append(list, o.Object)
		}
	}
	return list
}

// frozen lists the opposites of what the template of a trusted object marks as
// frozen: what the program tries to set.
func frozen(o token.Object) (list []p11.Attribute) {
	t := templates.TrustedRSA(p11.TokenObject)
	switch {
	case o.Class == p11.SecretKey:
		t = templates.KW()
	case !o.Attrs.Has(token.Wrap):
		t = templates.Anchor()
	}
	for _, x := range t {
		if x.Frozen {
			x.Value = !x.Value
			list = append(list, x)
		}
	}
	return list
}

func refusesSetting(m token.Module, o token.Object) bool {
	return !slices.ContainsFunc(frozen(o), func(x p11.Attribute) bool {
		_, set := m.Set(o, x)
		return set
	})
}

func refusesCopies(m token.Module, o token.Object) bool {
	if _, _, twin := m.Copy(o, nil); twin {
		return false
	}
	return !slices.ContainsFunc(frozen(o), func(x p11.Attribute) bool {
		_, _, copied := m.Copy(o, p11.Template{x})
		return copied
	})
}

// Modules lists every module of the model: each combination of answers.
func Modules() []token.Module {
	list := []token.Module{{Name: "a module"}}
	for _, answer := range []func(*token.Module){
		func(m *token.Module) { m.OneCall = true },
		func(m *token.Module) { m.LateWWT = true },
		func(m *token.Module) { m.CopyableInCopy = true },
		func(m *token.Module) { m.KnowsCopyable = true },
		func(m *token.Module) { m.KeepsToAllowed = true },
		func(m *token.Module) { m.UsesByDefault = true },
		func(m *token.Module) { m.TrustByUser = true },
		func(m *token.Module) { m.UndoesOneWay = true },
		func(m *token.Module) { m.IgnoresWWT = true },
		func(m *token.Module) { m.SharesSessions = true },
		func(m *token.Module) { m.SetsFrozen = true },
	} {
		list = with(list, answer)
	}
	list = with(list,
		func(m *token.Module) { m.Copies = token.PlainCopies },
		func(m *token.Module) { m.Copies = token.AnyCopies })
	return with(list,
		func(m *token.Module) { m.Joins = token.JoiningRefused },
		func(m *token.Module) { m.Joins = token.JoiningAsStandard })
}

// with adds to a list of modules the same modules with each of some answers.
func with(list []token.Module, answers ...func(*token.Module)) []token.Module {
	out := append([]token.Module{}, list...)
	for _, answer := range answers {
		for _, m := range list {
			answer(&m)
			out = append(out, m)
		}
	}
	return out
}

// Without returns what an attacker reaches on a module that fails one proof
// alone. Worst is nil if there is no such module.
func Without(p Proof, g policy.Guard) (o Outcome) {
	for _, m := range Modules() {
		if !g.Offers(m) || weak(m, p.Name) || p.Holds(m, trustedOn(m)) || !Proves(m, p.Name) {
			continue
		}
		if o = Try(policy.Shipped(g), m); o.Worst != nil {
			return o
		}
	}
	return Outcome{}
}

// Proved lists the modules that pass every proof.
func Proved() []token.Module {
	return slices.DeleteFunc(Modules(), func(m token.Module) bool { return weak(m) || !Proves(m) })
}

// weak reports whether a module fails a proof that needs no object, other than
// some.
func weak(m token.Module, without ...string) bool {
	return slices.ContainsFunc(Proofs(), func(p Proof) bool {
		return !slices.Contains(without, p.Name) && !p.Holds(m, nil)
	})
}
