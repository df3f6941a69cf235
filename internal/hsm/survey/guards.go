package survey

import (
	"strings"

	"byok/internal/statement"
)

// Reach says whether a module reaches a guard.
type Reach struct {
	Guard   statement.Guard `json:"guard"`
	Outcome string          `json:"outcome"` // one of the constants
	Why     string          `json:"why"`
}

// The outcomes of a guard. What is not known world create proves.
const (
	Reached    = "reached"
	NotReached = "not reached"
	Unknown    = "not known"
)

// Processes is what a second process has shown.
type Processes struct {
	Tried bool
	SO    bool // it achieves nothing while SO or user is logged in
	User  bool // it achieves nothing while the user is logged in
}

// needs is what a guard needs of a module.
type needs struct {
	guard     statement.Guard
	proved    []string // properties that must be enforced
	processes func(Processes) bool
	untried   string // what the check cannot try
}

// guards is the table, strongest first. The shared ones are their likes on a
// token whose PIN cannot be changed, which no check shows.
var guards = []needs{
	{
		statement.GuardTrust,
		[]string{
			PropTrustedBySO, PropTrustedOnly, PropFrozen, PropWrapTrusted, PropDerive, PropOneWay, PropKeyWrap, PropOAEP,
			PropForVault, PropRestore,
		},
		func(p Processes) bool { return p.SO }, "",
	},
	{
		statement.GuardTrustByTool,
		[]string{PropTrustedOnly, PropWrapTrusted, PropDerive, PropOAEP, PropOneCall},
		func(p Processes) bool { return p.User }, "whether the vendor's tool trusts a key",
	},
	{
		statement.GuardLogin,
		[]string{PropKeyWrap, PropOAEP},
		func(p Processes) bool { return p.User }, "",
	},
}

// Guards says which guards a module reaches, strongest first.
func Guards(properties []Property, p Processes) []Reach {
	list := make([]Reach, 0, len(guards))
	for _, g := range guards {
		list = append(list, g.reach(properties, p))
	}
	return list
}

func (n needs) reach(properties []Property, p Processes) Reach {
	var lacks, open []string
	for _, name := range n.proved {
		switch outcome := properties[index(properties, name)].Outcome; outcome {
		case Enforced:
		case NotTried:
			open = append(open, name)
		default:
			lacks = append(lacks, string(outcome)+": "+name)
		}
	}
	switch {
	case !p.Tried:
		open = append(open, "what another process can do")
	case !n.processes(p):
		lacks = append(lacks, "another process reaches what a login of this one protects")
	}
	if n.untried != "" {
		open = append(open, n.untried)
	}
	switch {
	case len(lacks) > 0:
		return Reach{n.guard, NotReached, strings.Join(lacks, "; ")}
	case len(open) > 0:
		return Reach{n.guard, Unknown, "not tried: " + strings.Join(open, ", ")}
	}
	return Reach{n.guard, Reached, "everything that it rests on was tried"}
}
