package survey

import (
	"fmt"
	"slices"
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

// Processes is what a second process has shown: [Enforced] if it achieves nothing,
// [NotEnforced], or [NotTried], which "" stands for as well.
type Processes struct {
	SO   Outcome // while SO or user is logged in
	User Outcome // while the user is logged in
}

// needs is what a guard needs of a module.
type needs struct {
	guard     statement.Guard
	proved    []string // properties that must be enforced
	processes func(Processes) Outcome
	untried   string // what the check cannot try
}

// guards is the table, strongest first. The shared ones are their likes on a
// token whose PIN cannot be changed, which no check shows.
var guards = []needs{
	{
		statement.GuardTrust,
		[]string{
			PropTrustedBySO, PropSession, PropTrustedOnly, PropFrozen, PropCopied, PropWrapTrusted, PropDerive, PropOneWay,
			PropKeyWrap, PropOAEP, PropForVault, PropRestore,
		},
		func(p Processes) Outcome { return p.SO }, "",
	},
	{
		statement.GuardTrustByTool,
		[]string{PropTrustedOnly, PropWrapTrusted, PropDerive, PropOAEP, PropOneCall},
		func(p Processes) Outcome { return p.User }, "whether the vendor's tool trusts a key",
	},
	{
		statement.GuardLogin,
		[]string{PropKeyWrap, PropOAEP, PropLoginVault, PropLoginBack},
		func(p Processes) Outcome { return p.User }, "",
	},
}

// rights is what guard login needs where logins have rights of their own: the proof
// of those has wrapped and restored a key by itself.
var rights = needs{
	statement.GuardLogin, []string{PropRights},
	func(p Processes) Outcome { return p.User }, "",
}

// Guards says which guards a module reaches, strongest first. Once [Rights] has noted
// what two logins may, guard login rests on that.
func Guards(properties []Property, p Processes) []Reach {
	list := make([]Reach, 0, len(guards))
	for _, g := range guards {
		if g.guard == rights.guard && properties[index(properties, PropRights)].Outcome != NotTried {
			g = rights
		}
		list = append(list, g.reach(properties, p))
	}
	return list
}

func (n needs) reach(properties []Property, p Processes) Reach {
	by := map[Outcome][]string{}
	for _, name := range n.proved {
		outcome := properties[index(properties, name)].Outcome
		by[outcome] = append(by[outcome], name)
	}
	lacks, open := lacking(by), by[NotTried]
	switch n.processes(p) {
	case Enforced:
	case NotEnforced:
		lacks = append(lacks, "another process reaches what a login of this one protects")
	default:
		open = append(open, "what another process can do")
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
	why := "everything that it rests on was tried"
	if slices.Contains(n.proved, PropRights) {
		why = "with " + PropRights + ": " + why
	}
	return Reach{n.guard, Reached, why}
}

// lacking lists what is not enforced, the worst first.
func lacking(by map[Outcome][]string) []string {
	var list []string
	for _, outcome := range []Outcome{NotEnforced, Refused, NotAnswered, NotKnown} {
		if names := by[outcome]; len(names) > 0 {
			list = append(list, string(outcome)+": "+strings.Join(names, ", "))
		}
	}
	return list
}

// Conclusion is whether a ceremony can use a module, with which guard, and why.
type Conclusion struct {
	Usable  bool            `json:"usable"`
	Guard   statement.Guard `json:"guard"`   // "" if none is left
	Outcome string          `json:"outcome"` // of the guard: one of the constants
	Why     string          `json:"why"`
}

// Conclude names the strongest guard that is reached or, where none is, the
// strongest that what was tried leaves open. With a guard asked for, it says that
// one's outcome. A module is usable as long as that is not [NotReached].
func Conclude(list []Reach, asked statement.Guard) Conclusion {
	if asked != "" {
		g := list[slices.IndexFunc(list, func(g Reach) bool { return g.Guard == likeOf(asked) })]
		return Conclusion{g.Outcome != NotReached, asked, g.Outcome, g.Why}
	}
	for _, outcome := range []string{Reached, Unknown} {
		if i := slices.IndexFunc(list, func(g Reach) bool { return g.Outcome == outcome }); i >= 0 {
			return Conclusion{true, list[i].Guard, outcome, list[i].Why + open(list[:i])}
		}
	}
	var why []string
	for _, g := range list {
		why = append(why, fmt.Sprintf("guard %s: %s", g.Guard, g.Why))
	}
	return Conclusion{false, "", NotReached, strings.Join(why, ". ")}
}

// open says which stronger guards were not tried to the end.
func open(stronger []Reach) string {
	text := ""
	for _, g := range stronger {
		if g.Outcome == Unknown {
			text += fmt.Sprintf("; guard %s is not known: %s", g.Guard, g.Why)
		}
	}
	return text
}

// likeOf is the guard whose row says what a shared one rests on.
func likeOf(g statement.Guard) statement.Guard {
	switch g {
	case statement.GuardTrustShared:
		return statement.GuardTrust
	case statement.GuardLoginShared:
		return statement.GuardLogin
	}
	return g
}
