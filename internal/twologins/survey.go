package twologins

import (
	"byok/internal/hsm"
	"byok/internal/hsm/survey"
	"byok/internal/secondproc"
)

// Survey is [secondproc.SurveyLogins] of the two, with a row on what their proof has
// shown. An error means that a PIN is wrong, that both are one, or that the module
// stopped answering.
func (l Logins) Survey() ([]survey.Property, []secondproc.Row, error) {
	if err := differ(l.Operator, l.Quorum); err != nil {
		return nil, nil, err
	}
	properties, rows, err := secondproc.SurveyLogins(l.Module, l.Token, l.Operator, l.Quorum)
	if err != nil {
		return nil, nil, err
	}
	_, err = l.Prove()
	if hsm.IsWrongPIN(err) || hsm.IsLocked(err) || hsm.Gone(err) {
		return nil, nil, err
	}
	survey.Rights(properties, l.Token, err)
	return properties, rows, nil
}
