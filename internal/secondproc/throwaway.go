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
	if err != nil || !survey.Conclude(properties).Usable {
		return properties, nil, err
	}
	left, err := m.Labelled(survey.Label)
	if err != nil || len(left) != 1 {
		return properties, nil, err
	}
	pin := secret.Take([]byte(survey.Label))
	defer pin.Wipe()
	rows, err := Prove(m, left[0], pin, pin)
	return properties, rows, err
}
