package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

var updateAttacks = flag.Bool("update", false, "write docs/security/attacks.md anew")

// attackerVariable makes this test binary play the attacker in the present
// folder: all attacks, those that break the token, or one thing that he can do.
const attackerVariable = "BYOK_TEST_ATTACKER"

const (
	playAll      = "all"
	playBreaking = "breaking"
)

// attacks are all that is tried, in the order of the table.
func attacks() []attack {
	return slices.Concat(revealing(), wrapping(), changing(), trusting(), using(), commanding())
}

// TestAttacks has the real program make a world, and an attacker with the user
// PIN and the library, but without cards, try everything against the token in
// each state. Nothing may be taken; afterwards the world must check out as if
// nothing had been. What the token answers is in docs/security/attacks.md.
func TestAttacks(t *testing.T) {
	if role := os.Getenv(attackerVariable); role != "" {
		playAttacker(t, role)
		return
	}
	var b besieged
	eachOn(t, map[string]func(*testing.T, *station){"state": func(t *testing.T, s *station) {
		states := newField(t, s).states(t)
		b.concede(t, states)
		for _, s := range states {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				b.add(s.name, s.attacked(t, playAll))
				s.stillSound(t)
				b.add(s.name, s.attacked(t, playBreaking))
			})
		}
	}})
	b.judge(t)
	if !t.Failed() { // otherwise not everything was tried
		b.complete(t)
		b.judgeConcessions(t)
		b.compare(t)
	}
}

// playAttacker tries the attacks and writes what came of them.
func playAttacker(t *testing.T, role string) {
	a := newAttacker(t)
	switch role {
	case playAll, playBreaking:
	case playGuess:
		a.guessSecret(t)
		return
	case playForge:
		a.forgeWorld(t)
		return
	default:
		a.concede(t, role)
		return
	}
	var report []finding
	for _, one := range attacks() {
		if one.breaking == (role == playBreaking) && !slices.ContainsFunc(report, finding.breach) { // what follows would meet another token
			report = append(report, a.tryOn(t, one)...)
		}
	}
	mustWrite(t, "report", mustDo(json.Marshal(report))(t))
}

// tryOn tries an attack on every object of its roles, and on the attacker's
// own: once on each kind of key, or on his own token.
func (a *attacker) tryOn(t *testing.T, one attack) (report []finding) {
	practised := map[[2]uint]bool{}
	for _, o := range append(a.targets(t), object{role: theToken, label: attackLabel}) {
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

// attacker runs this test binary as the attacker in the folder.
func (f *field) attacker(t *testing.T, role string) {
	t.Helper()
	cmd := f.command(mustDo(os.Executable())(t), "-test.run=^TestAttacks$")
	cmd.Env = append(cmd.Env, attackerVariable+"="+role)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the attacker in %s: %v\n%s", filepath.Base(f.dir), err, out)
	}
}

func (s state) attacked(t *testing.T, role string) (report []finding) {
	t.Helper()
	s.attacker(t, role)
	if err := json.Unmarshal(mustDo(os.ReadFile(s.path("report")))(t), &report); err != nil {
		t.Fatal(err)
	}
	return report
}

// stillSound wants everything as it was before the attacks: KM, KNSO, keys,
// copies, nothing added, and cards that still open.
func (s state) stillSound(t *testing.T) {
	t.Helper()
	card := 1
	if s.name == "cards replaced" {
		card = 5
	}
	s.must(t, "world check"+withPIN+withCards("", card))
	if s.name == "key generated" {
		in := s.copied(t)
		in.modify(t)
		in.pack(t)
	}
}

// besieged gathers what came of the attacks in every state.
type besieged struct {
	mutex    sync.Mutex
	findings map[string][]finding // by state
	met      map[string]string    // by concession
}

func (b *besieged) add(state string, report []finding) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.findings == nil {
		b.findings = map[string][]finding{}
	}
	b.findings[state] = append(b.findings[state], report...)
}

// judge fails for every attack that got through, and for every one that fails
// even where nothing hinders it.
func (b *besieged) judge(t *testing.T) {
	for state, report := range b.findings {
		for _, f := range report {
			switch works := slices.Equal(f.Codes, []string{"CKR_OK"}); {
			case len(f.Codes) == 0:
				t.Errorf("%s: %q on %s %q made no call", state, f.Attack, f.Role, f.Label)
			case f.Mine && !works:
				t.Errorf("%s: %q fails on the attacker's own key as well (%s): it proves nothing", state, f.Attack, strings.Join(f.Codes, ", "))
			case f.breach():
				t.Errorf("BREACH: %s: %q on %s %q: %s", state, f.Attack, f.Role, f.Label, strings.Join(f.Through, "; "))
			case slices.ContainsFunc(f.Codes, clumsy):
				t.Errorf("%s: %q on %s %q was refused only because it was made wrongly: %s", state, f.Attack, f.Role, f.Label, strings.Join(f.Codes, ", "))
			}
		}
	}
}

// complete wants every attack on every role that it is about.
func (b *besieged) complete(t *testing.T) {
	for _, one := range attacks() {
		for _, role := range one.on {
			if b.answers(one, role) == "" {
				t.Errorf("%q was never tried on %s", one.name, role)
			}
		}
	}
}

// clumsy tells return codes that blame the call and not what it asks for.
func clumsy(code string) bool {
	return slices.Contains([]string{"CKR_ARGUMENTS_BAD", "CKR_OBJECT_HANDLE_INVALID", "CKR_KEY_HANDLE_INVALID", "CKR_SESSION_HANDLE_INVALID", "CKR_TEMPLATE_INCOMPLETE",
		"CKR_MECHANISM_PARAM_INVALID", "CKR_OPERATION_ACTIVE", "CKR_ATTRIBUTE_VALUE_INVALID", "CKR_WRAPPING_KEY_TYPE_INCONSISTENT"}, code)
}
