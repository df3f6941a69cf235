package secondproc

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/hsm/survey"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/testkit/softhsm"
)

// TestSurveys: the second process tries what it can with the PINs at hand, and a
// guard is reached by all of it.
func TestSurveys(t *testing.T) {
	m, token := prepared(t, softhsm.New(t))
	for _, c := range []struct {
		name  string
		try   func() ([]survey.Property, []Row, error)
		rows  int
		guard statement.Guard
	}{
		{"without the SO", surveying(m, token, nil), 2, statement.GuardLogin},
		{"with both", surveying(m, token, pin(soPIN)), 4, statement.GuardTrust},
		{
			"on a throw-away token",
			func() ([]survey.Property, []Row, error) { return SurveyThrowAway(m) },
			4, statement.GuardTrust,
		},
	} {
		properties, rows, err := c.try()
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		for _, r := range rows {
			if r.Outcome != Held {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
		got := survey.Conclude(survey.Guards(properties, Shown(rows)), "")
		if len(rows) != c.rows || got.Guard != c.guard || got.Outcome != survey.Reached {
			t.Errorf("%s: %d rows, %+v", c.name, len(rows), got)
		}
	}
	_, _, err := SurveyToken(m, token, pin("wrong"), nil)
	if !hsm.IsWrongPIN(err) {
		t.Errorf("a wrong PIN: %v", err)
	}
}

func surveying(m *hsm.Module, t hsm.Token, so *secret.Bytes) func() ([]survey.Property, []Row, error) {
	return func() ([]survey.Property, []Row, error) { return SurveyToken(m, t, pin(userPIN), so) }
}

// TestTried: what this process could not do leaves every row unanswered; a lost
// device ends the survey.
func TestTried(t *testing.T) {
	rows, err := tried(nil, errors.New("no second session"))
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, r := range rows {
		if r.Outcome != NotAnswered || r.Detail != "no second session" {
			t.Errorf("%+v", r)
		}
	}
	if s := Shown(rows); s.SO != survey.NotEnforced || s.User != survey.NotEnforced {
		t.Errorf("%+v", s)
	}
	lost := p11.Fail("C_Login", pkcs11.Error(pkcs11.CKR_DEVICE_REMOVED))
	if _, err := tried(nil, lost); err != lost {
		t.Errorf("%v", err)
	}
}
