package policy

import (
	"slices"

	"byok/internal/hsm/p11"
	"byok/internal/hsm/templates"
)

// Proof is one thing that the program proves of a module before it works with
// it, in packages hsm/probe and secondproc, each try with a control.
type Proof struct {
	Name  string
	Holds func(Module, []Object) bool // of a module, and what is trusted on the token
}

// Proofs lists them.
func Proofs() []Proof {
	each := func(keeps func(Module, Object) bool) func(Module, []Object) bool {
		return func(m Module, trusted []Object) bool {
			return !slices.ContainsFunc(trusted, func(o Object) bool { return !keeps(m, o) })
		}
	}
	return []Proof{
		{"no user makes or sets a trusted key", func(m Module, _ []Object) bool { return !m.TrustByUser }},
		{"SENSITIVE and WRAP_WITH_TRUSTED cannot be undone", func(m Module, _ []Object) bool { return !m.UndoesOneWay }},
		{"no mechanism wraps a kept key under an untrusted one", func(m Module, _ []Object) bool { return !m.IgnoresWWT }},
		{"no derivation reveals a kept key", func(m Module, _ []Object) bool { return m.Joins != JoiningAsStandard }},
		{"no other process sees a session object", func(m Module, _ []Object) bool { return !m.SharesSessions }},
		{"nothing frozen in a trusted object can be set", each(Module.refusesSetting)},
		{"no trusted object can be copied, changed or as it is", each(Module.refusesCopies)},
	}
}

// Proves reports whether a module passes every proof, other than some.
func (m Module) Proves(without ...string) bool {
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
func trustedOn(m Module) (list []Object) {
	for _, d := range Run(Shipped(Guards()[0]), m, Thief()).Ceremony() {
		if o := d.object(); !o.Hidden && o.Attrs.Has(Trusted) {
			list = append(list, o)
		}
	}
	return list
}

// frozen lists the opposites of what the template of a trusted object marks as
// frozen: what the program tries to set.
func frozen(o Object) (list []p11.Attribute) {
	t := templates.TrustedRSA(p11.TokenObject)
	switch {
	case o.Class == p11.SecretKey:
		t = templates.KW()
	case !o.Attrs.Has(Wrap):
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

func (m Module) refusesSetting(o Object) bool {
	return !slices.ContainsFunc(frozen(o), func(x p11.Attribute) bool {
		_, set := m.sets(o, x)
		return set
	})
}

func (m Module) refusesCopies(o Object) bool {
	if _, _, twin := m.copies(o, nil); twin {
		return false
	}
	return !slices.ContainsFunc(frozen(o), func(x p11.Attribute) bool {
		_, _, copied := m.copies(o, p11.Template{x})
		return copied
	})
}

// Modules lists every module of the model: each combination of answers.
func Modules() []Module {
	list := []Module{{Name: "a module"}}
	for _, answer := range []func(*Module){
		func(m *Module) { m.OneCall = true },
		func(m *Module) { m.LateWWT = true },
		func(m *Module) { m.CopyableInCopy = true },
		func(m *Module) { m.KnowsCopyable = true },
		func(m *Module) { m.KeepsToAllowed = true },
		func(m *Module) { m.UsesByDefault = true },
		func(m *Module) { m.TrustByUser = true },
		func(m *Module) { m.UndoesOneWay = true },
		func(m *Module) { m.IgnoresWWT = true },
		func(m *Module) { m.SharesSessions = true },
		func(m *Module) { m.SetsFrozen = true },
	} {
		list = with(list, answer)
	}
	list = with(list, func(m *Module) { m.Copies = PlainCopies }, func(m *Module) { m.Copies = AnyCopies })
	return with(list, func(m *Module) { m.Joins = JoiningRefused }, func(m *Module) { m.Joins = JoiningAsStandard })
}

// with adds to a list of modules the same modules with each of some answers.
func with(list []Module, answers ...func(*Module)) []Module {
	out := append([]Module{}, list...)
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
func Without(p Proof, g Guard) (o Outcome) {
	for _, m := range Modules() {
		if !g.Offers(m) || m.weak(p.Name) || p.Holds(m, trustedOn(m)) || !m.Proves(p.Name) {
			continue
		}
		if o = Try(Shipped(g), m); o.Worst != nil {
			return o
		}
	}
	return Outcome{}
}

// Proved lists the modules that pass every proof.
func Proved() []Module {
	return slices.DeleteFunc(Modules(), func(m Module) bool { return m.weak() || !m.Proves() })
}

// weak reports whether a module fails a proof that needs no object, other than
// some.
func (m Module) weak(without ...string) bool {
	return slices.ContainsFunc(Proofs(), func(p Proof) bool {
		return !slices.Contains(without, p.Name) && !p.Holds(m, nil)
	})
}
