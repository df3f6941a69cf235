package secondproc

import (
	"byok/internal/hsm"
	"byok/internal/hsm/survey"
	"byok/internal/secret"
)

// SurveyThrowAway surveys a throw-away token, which keeps both its PINs for the
// second process, and then has that process try it.
func SurveyThrowAway(m *hsm.Module) ([]survey.Property, []Row, error) {
	properties, err := survey.ThrowAway(m)
	if err != nil {
		return properties, nil, err
	}
	left, err := m.Labelled(survey.Label)
	if err != nil || len(left) != 1 || !left[0].HasUserPIN() {
		return properties, nil, err
	}
	pin := secret.Take([]byte(survey.Label))
	defer pin.Wipe()
	rows, err := tried(Prove(m, left[0], pin, pin))
	return properties, rows, err
}

// SurveyToken does the same on an initialised token, as [survey.OnToken]. Without
// an SO PIN (nil) the second process tries what it can while the user is logged in.
func SurveyToken(m *hsm.Module, t hsm.Token, pin, soPIN *secret.Bytes) (list []survey.Property, rows []Row, err error) {
	if list, err = survey.OnToken(m, t, pin, soPIN); err != nil {
		return nil, nil, err
	}
	if soPIN == nil {
		rows, err = tried(ProveUser(m, t, pin))
	} else {
		rows, err = tried(Prove(m, t, soPIN, pin))
	}
	return list, rows, err
}

// SurveyLogins does the same with two logins of an initialised token, of which the
// operator's exports nothing: that one tries what a user can undo, and the second
// process tries what it can while the quorum is logged in.
func SurveyLogins(m *hsm.Module, t hsm.Token, operator, quorum *secret.Bytes) ([]survey.Property, []Row, error) {
	properties, err := survey.OnToken(m, t, operator, nil)
	if err != nil {
		return nil, nil, err
	}
	rows, err := tried(ProveUser(m, t, quorum))
	return properties, rows, err
}

// tried makes rows of what this process could not do: nothing is known then. A
// wrong PIN and a lost device end a survey.
func tried(rows []Row, err error) ([]Row, error) {
	if err == nil || hsm.IsWrongPIN(err) || hsm.IsLocked(err) || hsm.Gone(err) {
		return rows, err
	}
	for _, name := range []string{RowTrust, RowPrivate, RowSession, RowUser} {
		rows = append(rows, Row{name, NotAnswered, err.Error()})
	}
	return rows, nil
}
