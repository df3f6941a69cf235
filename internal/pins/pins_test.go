package pins

import (
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/statement"
)

const module = "0123456789abcdef0123456789abcdef"

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// issued is a card set and its world secret.
func issued(t *testing.T) *quorum.Issue {
	t.Helper()
	issue, err := quorum.New(quorum.Quorum{K: 1, N: 1}, []string{"Ada"}, fingerprint.Of([]byte("knso")), true)
	ok(t, err)
	t.Cleanup(issue.Wipe)
	return issue
}

// TestHeld: each kind of PIN is its own, derived or sealed, and passed on.
func TestHeld(t *testing.T) {
	i := issued(t)
	seen := map[string]bool{}
	for _, c := range []struct {
		held Held
		m    func(statement.PIN) *statement.Module
		p    func(string) statement.SealedPIN
	}{
		{
			SO, func(p statement.PIN) *statement.Module { return &statement.Module{Module: module, SOPIN: p} },
			func(s string) statement.SealedPIN { return statement.SealedPIN{Module: module, Sealed: s} },
		},
		{
			User, func(p statement.PIN) *statement.Module { return &statement.Module{Module: module, UserPIN: p} },
			func(s string) statement.SealedPIN { return statement.SealedPIN{Module: module, User: s} },
		},
	} {
		derived, err := c.held.Derive(i.Secret, i.Set, module, 40)
		ok(t, err)
		current, err := c.held.Current(i.Secret, i.Set, c.m(statement.PIN{Characters: 40}))
		ok(t, err)
		if !derived.Equal(current) || seen[derived.Text()] {
			t.Errorf("%v: derived", c.held.Role)
		}
		seen[derived.Text()] = true
		typed := secret.Take([]byte("typed by a person"))
		sealed, err := c.held.Seal(i.Secret, i.Set, module, typed)
		ok(t, err)
		unsealed, err := c.held.Current(i.Secret, i.Set, c.m(statement.PIN{Sealed: sealed}))
		ok(t, err)
		passed, err := c.held.Passed(i.Secret, i.Set, c.p(sealed))
		ok(t, err)
		if !unsealed.Equal(typed) || !passed.Equal(typed) {
			t.Errorf("%v: sealed", c.held.Role)
		}
		if _, err := c.held.Passed(i.Secret, i.Set, c.p("AAAA")); err == nil {
			t.Errorf("%v: a seal of nobody's", c.held.Role)
		}
	}
}

// TestStated: a derived PIN has its strength, a typed one its seal, and one that
// the cards do not hold nothing.
func TestStated(t *testing.T) {
	pin := secret.Take([]byte("0123456789"))
	for _, c := range []struct {
		held   bool
		sealed string
		want   statement.PIN
	}{
		{true, "", statement.PIN{Characters: 10, Bits: 50}},
		{true, "seal", statement.PIN{Characters: 10, Sealed: "seal"}},
		{false, "", statement.PIN{}},
	} {
		if got := Stated(c.held, pin, c.sealed); got != c.want {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}

// TestLength: a token that does not say how long its PINs may be takes 40.
func TestLength(t *testing.T) {
	if got := Length(hsm.Token{}); got != 40 {
		t.Errorf("%d", got)
	}
}
