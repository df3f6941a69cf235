package main

import (
	"flag"
	"slices"
	"strings"
	"testing"
)

var updateAttacks = flag.Bool("update", false, "write docs/security/attacks.md")

// attacks are all that is tried on a token, in the order of the table.
func attacks() []attack {
	return slices.Concat(revealing(), wrapping(), changing(), trusting(), using(), commanding())
}

// TestAttacks has an attacker with the user PIN and the library, but without
// cards, try everything against the token in each state of a ceremony. Nothing
// may be taken; afterwards the world must check out as if nothing had been.
// What the token answers is in docs/security/attacks.md.
func TestAttacks(t *testing.T) {
	b := siege{findings: map[string][]finding{}}
	for _, state := range stateNames() {
		t.Run(state, func(t *testing.T) {
			s := inState(t, state)
			b.findings[state] = append(b.findings[state], s.attacked(t, false)...)
			s.stillSound(t, state)
			b.findings[state] = append(b.findings[state], s.attacked(t, true)...)
		})
	}
	b.judge(t)
	t.Log(strings.TrimSpace(b.count()))
	if t.Failed() { // not everything was tried
		return
	}
	b.complete(t)
	b.compare(t)
}

// attacked tries the attacks that leave the token whole, or those that break it.
func (s *stage) attacked(t *testing.T, breaking bool) (report []finding) {
	t.Helper()
	s.besiege(t, func(a *attacker) {
		a.makeOwnToken(t)
		for _, one := range attacks() {
			// what follows would meet another token
			if one.breaking == breaking && !slices.ContainsFunc(report, finding.breach) {
				report = append(report, a.tryOn(t, one)...)
			}
		}
	})
	return report
}

// tryOn tries an attack on every object of its roles, and on the attacker's
// own: once on each kind of key, or on his own token.
func (a *attacker) tryOn(t *testing.T, one attack) (report []finding) {
	practised := map[[2]uint]bool{}
	for _, o := range append(a.targets(t), object{role: theToken, label: stageLabel}) {
		if !slices.Contains(one.on, o.role) {
			continue
		}
		f := finding{Attack: one.name, Role: o.role, Label: o.label}
		one.try(a, t, o, &f)
		report = append(report, f)
		if kind := [2]uint{o.class, o.kind}; !one.never && !practised[kind] {
			practised[kind] = true
			mine := finding{Attack: one.name, Role: "own", Mine: true}
			one.try(a, t, a.practice(t, o), &mine)
			report = append(report, mine)
		}
	}
	return report
}

func (a *attacker) practice(t *testing.T, o object) object {
	if o.role == theToken {
		return object{role: theToken, mine: true}
	}
	mine := a.own(t, o.class, o.kind)
	mine.role = o.role
	return mine
}

// stillSound requires everything as it was before the attacks, and cards that
// still open.
func (s *stage) stillSound(t *testing.T, state string) {
	t.Helper()
	if state == recovered { // its keys are not restored yet
		return
	}
	s.must(t, "world check"+withPINs+flagsOf("", reachOf(t, state).cards))
}

// siege gathers what came of the attacks in every state.
type siege struct {
	findings map[string][]finding // by state
}

// judge fails for every attack that got through, and for every one that fails
// even where nothing hinders it.
func (b *siege) judge(t *testing.T) {
	for state, report := range b.findings {
		for _, f := range report {
			switch works := slices.Equal(f.Codes, []string{"CKR_OK"}); {
			case len(f.Codes) == 0:
				t.Errorf("%s: %q on %s %q made no call", state, f.Attack, f.Role, f.Label)
			case f.Mine && !works:
				t.Errorf("%s: %q fails on the attacker's own key as well (%s): it proves nothing",
					state, f.Attack, strings.Join(f.Codes, ", "))
			case f.breach():
				t.Errorf("BREACH: %s: %q on %s %q: %s", state, f.Attack, f.Role, f.Label, strings.Join(f.Through, "; "))
			case slices.ContainsFunc(f.Codes, clumsy):
				t.Errorf("%s: %q on %s %q was refused only because it was made wrongly: %s",
					state, f.Attack, f.Role, f.Label, strings.Join(f.Codes, ", "))
			}
		}
	}
}

// complete requires every attack on every role that it is about.
func (b *siege) complete(t *testing.T) {
	for _, one := range attacks() {
		for _, role := range one.on {
			if b.answers(one, role) == "" {
				t.Errorf("%q was never tried on %s", one.name, role)
			}
		}
	}
}

// clumsy reports whether a return code blames the call and not what it asks for.
func clumsy(code string) bool {
	return slices.Contains([]string{
		"CKR_ARGUMENTS_BAD", "CKR_OBJECT_HANDLE_INVALID", "CKR_KEY_HANDLE_INVALID", "CKR_SESSION_HANDLE_INVALID",
		"CKR_TEMPLATE_INCOMPLETE", "CKR_MECHANISM_PARAM_INVALID", "CKR_OPERATION_ACTIVE", "CKR_ATTRIBUTE_VALUE_INVALID",
		"CKR_WRAPPING_KEY_TYPE_INCONSISTENT",
	}, code)
}
