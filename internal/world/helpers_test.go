package world_test

import (
	"fmt"
	"strings"
	"testing"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

func TestMain(m *testing.M) { rig.Main(m) }

// quorum runs f in a quorum session at work on the world.
func quorum(r *rig.Rig, f func(s world.Quorum) error) error {
	return r.Quorum(func(s *session.Quorum) error { return f(world.Quorum{Quorum: s}) })
}

func seal(s world.Quorum) error {
	_, err := s.Seal()
	return err
}

func nothing(world.Quorum) error { return nil }

// generate makes a P-256 key before the quorum.
func generate(r *rig.Rig, ident string) error {
	kind := hsm.Spec{}
	var err error
	if kind.Kind, err = kindOf("P-256"); err != nil {
		return err
	}
	return r.Quorum(func(s *session.Quorum) error {
		_, err := keys.Quorum{Quorum: s}.Generate(keys.Generation{Ident: ident, Spec: kind})
		return err
	})
}

// alone makes a P-256 key without the quorum.
func alone(r *rig.Rig, ident string) error {
	kind, err := kindOf("P-256")
	if err != nil {
		return err
	}
	return r.Operator(func(o *session.Operator) error {
		_, err := keys.Operator{Operator: o}.Generate(keys.Generation{Ident: ident, Spec: hsm.Spec{Kind: kind}})
		return err
	})
}

func restore(r *rig.Rig, idents ...string) error {
	return r.Quorum(func(s *session.Quorum) error {
		list, err := keys.Restorables(s.Chain, idents)
		if err != nil {
			return err
		}
		return keys.Quorum{Quorum: s}.Restore(list)
	})
}

// replacement asks for new cards in place of the rig's, which it replaces by
// blank ones.
func replacement(t testing.TB, r *rig.Rig) (world.Replacement, []string) {
	t.Helper()
	old := r.Folders
	r.NewCards(t, len(old))
	return world.Replacement{
		CardOrder: r.Order(2), NewUI: r.People, Old: cards.Folders(old[:2]), OldUI: r.People,
	}, old
}

// replace runs a replacement with the cards that open the session now.
func replace(r *rig.Rig, p world.Replacement, old []string) error {
	station, err := r.Connect()
	if err != nil {
		return err
	}
	defer station.Close()
	media := cards.Folders(old[:2])
	unfinished, err := p.Unfinished(station)
	if err != nil {
		return err
	}
	if unfinished {
		media = p.Media[:2]
	}
	s, err := session.Begin(r.Access(), station, media)
	if err != nil {
		return err
	}
	defer s.Close()
	return world.Quorum{Quorum: s}.ReplaceCards(p)
}

// dying runs an operation that dies at things that it says, in a world of its own
// each time; then the same operation must come to its end, and leave the world
// whole. Every third place is tried, and every place where BYOK_FAULTS is "all".
func dying(t *testing.T, prepare func() (*rig.Rig, func() error)) {
	t.Helper()
	step := rig.Step(3)
	for at := step; ; at += step {
		r, op := prepare()
		*r.People = *rig.NewPeople(len(r.Folders))
		r.People.DieAt = at
		died, err := rig.Survive(op)
		if !died {
			rig.OK(t, err)
			r.People.DieAt = 0
			r.Whole(t)
			return
		}
		last := append(r.People.Said, r.People.Warned...)
		settle(t, r, op, last)
	}
}

// settle runs an operation again that was cut short.
func settle(t *testing.T, r *rig.Rig, op func() error, last any) {
	t.Helper()
	*r.People = *rig.NewPeople(len(r.Folders))
	r.People.Paper = r.Paper(t) // the token may carry no anchor
	if err := op(); err != nil {
		t.Errorf("after it was cut short at %q: %v (hint: %s)", last, err, exitcode.HintOf(err))
		return
	}
	r.Whole(t)
}

// refusing runs an operation in which every question is refused once, and then
// again.
func refusing(t *testing.T, prepare func() (*rig.Rig, func() error)) {
	t.Helper()
	for at := 1; ; at++ {
		r, op := prepare()
		*r.People = *rig.NewPeople(len(r.Folders))
		n, refused := 0, ""
		r.People.Refuse = func(question string) error {
			if n++; n != at {
				return nil
			}
			refused = question
			return fmt.Errorf("%s was refused", question)
		}
		err := op()
		if refused == "" {
			rig.OK(t, err)
			t.Logf("%d questions", n)
			return
		}
		if err == nil || !strings.Contains(err.Error(), refused+" was refused") {
			t.Errorf("%s: %v", refused, err)
		}
		settle(t, r, op, refused)
	}
}
