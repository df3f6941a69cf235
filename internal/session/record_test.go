package session_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
)

const forkHint = "keep this kmdata for the auditor and use the copy whose last statement the card holders wrote down"

// newest returns what the newest statement says of the record before it.
func newest(t *testing.T, r *rig.Rig) statement.Header {
	t.Helper()
	return statement.HeaderOf(r.Chain(t).Last().Statement)
}

// TestShowsEvents shows what happened since the last statement, at most twenty
// events of it.
func TestShowsEvents(t *testing.T) {
	r := rig.NewWorld(t)
	for i := range 25 {
		r.Log.Add(fmt.Sprint("event ", i))
	}
	rig.OK(t, r.Quorum(nothing))
	r.Heard(t, r.People.Said, "since statement 2 (module): 25 events in the ceremony log", "  event 5", "  event 24")
	if slices.Contains(r.People.Said, "  event 4") {
		t.Error("more than twenty events were shown")
	}
}

// TestCutLog cuts the log at every line that a statement vouches for, and
// rewrites it: the session goes on only with a reason, which the next statement
// carries, and that one alone.
func TestCutLog(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  func(lines []string) []string
	}{
		{"emptied", func([]string) []string { return nil }},
		{"first line alone", func(l []string) []string { return l[:1] }},
		{"last line missing", func(l []string) []string { return l[:len(l)-1] }},
		{"a line rewritten", func(l []string) []string { return append([]string{"another"}, l[1:]...) }},
		{"another log", func(l []string) []string { return []string{"a", "b", "c", "d", "e", "f"} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewWorld(t)
			rig.OK(t, r.Quorum(seal)) // over three lines
			r.Log.Add("one more")
			rig.OK(t, r.Quorum(seal))
			head := newest(t, r).Log
			r.Log.Lines = c.cut(r.Log.Lines[:head.Lines])
			if err := r.Quorum(seal); err == nil || err.Error() != "the people know no reason" {
				t.Errorf("%v", err)
			}
			r.People.Why = "the disk was restored"
			rig.OK(t, r.Quorum(seal))
			missing := fmt.Sprintf("the ceremony log does not contain line %d as statement 4 (seal) carries it (SHA-256 %.16s…)",
				head.Lines, head.SHA256)
			if got := newest(t, r).Break; got == nil || got.Reason != "the disk was restored" || !slices.Equal(got.Missing, []string{missing}) {
				t.Errorf("%+v", got)
			}
			r.Heard(t, r.People.Warned, "the record is incomplete: "+r.Plain(missing))
			r.People.Why = ""
			rig.OK(t, r.Quorum(seal))
			if b := newest(t, r).Break; b != nil {
				t.Errorf("the break is repeated: %+v", b)
			}
		})
	}
}

// brokenLog cannot be read.
type brokenLog struct{ *rig.Log }

var errLog = errors.New("the log cannot be read")

func (brokenLog) Since(statement.LogHead) ([]string, bool, error) { return nil, false, errLog }
func (brokenLog) Head() (statement.LogHead, error)                { return statement.LogHead{}, errLog }

func TestUnreadableLog(t *testing.T) {
	r := rig.NewWorld(t)
	a := r.Access()
	a.Log = brokenLog{}
	if _, err := session.Begin(a, connected(t, r), nil); err == nil {
		t.Error("no cards")
	}
	err := r.With(a, r.Folders[:2], nothing)
	if !errors.Is(err, errLog) {
		t.Errorf("%v", err)
	}
	half := &halfLog{Log: r.Log}
	a.Log = half
	if err := r.With(a, r.Folders[:2], seal); !errors.Is(err, errLog) {
		t.Errorf("%v", err)
	}
}

// halfLog can be read, and its head cannot.
type halfLog struct{ *rig.Log }

func (halfLog) Head() (statement.LogHead, error) { return statement.LogHead{}, errLog }

// TestRolledBackKmdata: kmdata is an older copy, with the log of then or with
// the whole one. The token knows better; the next number is above both.
func TestRolledBackKmdata(t *testing.T) {
	for _, c := range []struct {
		name    string
		withLog bool
	}{{"with the log of then", true}, {"with the whole log", false}} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewWorld(t)
			old, lines := copied(t, r.Dir), slices.Clone(r.Log.Lines)
			rig.OK(t, r.Quorum(seal))
			rig.OK(t, r.Quorum(seal))
			r.Dir = old
			if c.withLog {
				r.Log.Lines = lines
			}
			if err := r.Quorum(seal); err == nil || err.Error() != "the people know no reason" {
				t.Errorf("%v", err)
			}
			r.People.Why = "the disk failed"
			rig.OK(t, r.Quorum(seal))
			h := newest(t, r)
			if h.Number != 5 || h.Break == nil ||
				!slices.Equal(h.Break.Missing, []string{"the token's anchor knows statement 4, and kmdata ends with 2"}) {
				t.Errorf("%+v %+v", h, h.Break)
			}
			rig.OK(t, r.Quorum(seal)) // and the token's anchor is of this chain again
		})
	}
}

// TestFork: two copies of kmdata have each signed a statement.
func TestFork(t *testing.T) {
	r := rig.NewWorld(t)
	other := *r
	other.Dir, other.Log = copied(t, r.Dir), &rig.Log{Lines: slices.Clone(r.Log.Lines)}
	rig.OK(t, r.Quorum(seal))
	hide(t, r) // as if the token did not remember
	other.Log.Add("elsewhere")
	other.People = rig.NewPeople(3)
	other.People.Paper = func(string) (int, string, error) { return 2, other.Chain(t).Last().Sum.FirstWords(1), nil }
	rig.OK(t, other.Quorum(seal)) // number 3 of the other copy; the token carries its anchor
	r.Refused(t, r.Quorum(nothing), exitcode.Check,
		"DIR/local/statements/000003-seal.json: it is not the statement 3 that the token's anchor knows: a fork", forkHint)
}

// hide destroys the anchors, which the user can.
func hide(t *testing.T, r *rig.Rig) {
	t.Helper()
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		for _, o := range anchors(a) {
			rig.OK(t, a.DestroyObject(a.Handle, o))
		}
	})
}

func anchors(a *rig.Attacker) (found []pkcs11.ObjectHandle) {
	for _, o := range a.Find("", pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true)) {
		values, err := a.GetAttributeValue(a.Handle, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil)})
		rig.OK(a, err)
		if strings.HasPrefix(string(values[0].Value), "byok-anchor-") {
			found = append(found, o)
		}
	}
	return found
}

// TestAnchorDestroyed asks for the paper, and holds kmdata to it.
func TestAnchorDestroyed(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(seal))
	hide(t, r)
	const why = "the token carries no anchor: someone destroyed it, or the session that would have set it was cut short"
	const check = "compare what was typed with the paper; if it is right, "
	last := r.Chain(t).Last()
	word := last.Sum.FirstWords(1)
	for _, c := range []struct {
		name   string
		number int
		word   string
		text   string
		hint   string
	}{
		{"right", 3, word, "", ""},
		{"right, in other letters", 3, strings.ToUpper(word), "", ""},
		{"another word", 3, "Zulu!",
			"DIR/local/statements/000003-seal.json: it is not the statement 3 that the paper record knows: a fork", check + forkHint},
		{"an earlier statement", 2, r.Chain(t).Entries()[1].Sum.FirstWords(1), "", ""},
	} {
		var asked string
		r.People.Paper = func(why string) (int, string, error) { asked = why; return c.number, c.word, nil }
		err := r.Quorum(nothing)
		if c.text == "" {
			rig.OK(t, err)
		} else {
			r.Refused(t, err, exitcode.Check, c.text, c.hint)
		}
		if asked != why {
			t.Errorf("%s: asked %q", c.name, asked)
		}
	}
	r.People.Paper = nil
	if err := r.Quorum(nothing); err == nil || err.Error() != "no paper record was kept: "+why {
		t.Errorf("%v", err)
	}
	r.People.Paper = func(string) (int, string, error) { return 9, "any", nil }
	r.People.Why = "copied too early"
	rig.OK(t, r.Quorum(seal))
	if h := newest(t, r); h.Number != 10 || h.Break.Missing[0] != "the paper record knows statement 9, and kmdata ends with 3" {
		t.Errorf("%d %+v", h.Number, h.Break)
	}
	r.People.Paper = func(string) (int, string, error) { return 7, "any", nil }
	hide(t, r)
	r.Refused(t, r.Quorum(nothing), exitcode.Check, "the paper record knows a statement 7 that kmdata skips: a fork", check+forkHint)
}

// TestAnchorSetAgain: a session that is cut short after it has signed leaves no
// anchor, so that the newest statement cannot be cut off unseen: the next one
// asks for the paper, and sets it.
func TestAnchorSetAgain(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		_, err := s.Sign(&statement.Seal{})
		return err // without Finish
	}))
	anchored := func() (labels []string) {
		rig.OK(t, r.Quorum(func(s *session.Quorum) (err error) {
			labels, err = s.HSM.Anchors()
			return err
		}))
		return labels
	}
	r.Refused(t, r.Quorum(nothing), exitcode.Failed, "no paper record was kept: the token carries no anchor: "+
		"someone destroyed it, or the session that would have set it was cut short", "")
	r.People.Paper = r.Paper(t)
	if got := anchored(); len(got) != 0 {
		t.Errorf("%q", got)
	}
	rig.OK(t, r.Quorum(func(s *session.Quorum) error { return s.Finish() }))
	want := session.AnchorOf(r.Chain(t).Last()).Label()
	if got := anchored(); !slices.Equal(got, []string{want}) {
		t.Errorf("%q, want %q", got, want)
	}
	broken := errors.New("broken")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		if _, err := s.Sign(&statement.Seal{}); err != nil {
			return err
		}
		if err := s.End(broken); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
		return nil
	}))
	if got := anchored(); len(got) != 1 || !strings.HasPrefix(got[0], "byok-anchor-000004-") {
		t.Errorf("after an operation that failed half-way: %q", got)
	}
}

// TestAnchorForged: an object that the user makes or copies is not an anchor.
func TestAnchorForged(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(seal))
	label := session.Anchor{Number: 99, Sum: r.Chain(t).Last().Sum}.Label()
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		a.Pair(label, 9)
		genuine := anchors(a)[0]
		relabel := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)}
		if a.SetAttributeValue(a.Handle, genuine, relabel) == nil {
			t.Error("the user relabelled the anchor")
		}
		if o, err := a.CopyObject(a.Handle, genuine, relabel); err == nil {
			values, err := a.GetAttributeValue(a.Handle, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, nil)})
			if err != nil || values[0].Value[0] != 0 {
				t.Errorf("the user copied the anchor: %v", err)
			}
		}
	})
	rig.OK(t, r.Quorum(seal))
	if h := newest(t, r); h.Number != 4 || h.Break != nil {
		t.Errorf("%d %+v", h.Number, h.Break)
	}
}

// TestNoAnchorWithoutGuard: where the guard does not let the token remember,
// the paper is asked for each time.
func TestNoAnchorWithoutGuard(t *testing.T) {
	for _, c := range []struct {
		guard statement.Guard
		want  bool
	}{
		{statement.GuardTrust, true}, {statement.GuardTrustShared, true}, {statement.GuardTrustByTool, false},
		{statement.GuardLogin, false}, {statement.GuardLoginShared, false},
	} {
		if got := session.Anchors(c.guard); got != c.want {
			t.Errorf("%s: %t", c.guard, got)
		}
	}
	r := rig.NewToolWorld(t)
	s := connected(t, r)
	r.People.Paper = nil
	r.Refused(t, begin(r, s, r.Folders[:2]), exitcode.Failed,
		"no paper record was kept: guard trust-by-tool has no anchor on the token", "")
	r.People.Paper = r.Paper(t)
	q, err := session.Begin(r.Access(), s, r.Order(2).Media[:2])
	rig.OK(t, err)
	defer q.Close()
	rig.OK(t, seal(q)) // no anchor is set, and none is missed
	rig.OK(t, q.SetAnchor())
}

func TestParseAnchor(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for _, c := range []struct {
		label string
		want  int // 0: none
	}{
		{"byok-anchor-000007-" + sum, 7},
		{"byok-anchor-123456-" + sum, 123456},
		{"byok-anchor-7-" + sum, 0},
		{"byok-anchor-0000007-" + sum, 0},
		{"byok-anchor-00000x-" + sum, 0},
		{"byok-anchor-000007-" + strings.ToUpper(sum), 0},
		{"byok-anchor-000007-" + sum[:62], 0},
		{"byok-anchor-000007" + sum, 0},
		{"000007-" + sum, 0},
		{"", 0},
	} {
		a, ok := session.ParseAnchor(c.label)
		if ok != (c.want > 0) || ok && a.Number != c.want {
			t.Errorf("%s: %v %t", c.label, a, ok)
		}
		if ok && a.Label() != c.label {
			t.Errorf("%s: %s", c.label, a.Label())
		}
	}
}
