// Package candidate finds the token that is to join a world: a free one, or one
// that a person has chosen by its label or by its name. It changes nothing, and
// never takes an initialised token that was not chosen.
package candidate

import (
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/printable"
	"byok/internal/session"
)

// Order says which token is looked for.
type Order struct {
	Label string        // that it has, or will have
	Name  hsm.TokenName // --token; the zero value names none
	// Made: the vendor's tool has made it, so that a free one does not serve.
	Made       bool
	Adopt      bool // an initialised one is kept
	Initialize bool // an initialised one is made again
	Taken      bool // an interrupted run may have made it: it has the label then
	Lone       bool // one without an SO role is kept as well: no free one can be initialised
}

// Find finds the token of an order in a loaded library.
func (o Order) Find(m *hsm.Module) (hsm.Token, error) {
	labelled, err := m.Labelled(o.Label)
	if err != nil {
		return hsm.Token{}, err
	}
	initialised := o.Adopt || o.Initialize || o.Made
	if !o.Name.IsZero() && initialised {
		return o.named(m, labelled)
	}
	switch {
	case len(labelled) == 0 && (o.Adopt || o.Made):
		return hsm.Token{}, exitcode.Errorf(exitcode.Usage, "there is no initialised token labelled %q", o.Label).
			Hint("byok-offline module list shows the tokens; name one with --label")
	case len(labelled) == 0:
		return free(m, o.Name)
	case !initialised && !o.Taken && !(o.Lone && labelled[0].LacksSO()):
		return hsm.Token{}, Taken(o.Label, labelled...)
	case len(labelled) > 1:
		return m.Token("label:" + o.Label) // which names their slots
	}
	return labelled[0], nil
}

// named finds the token that --token names, whatever its label.
func (o Order) named(m *hsm.Module, labelled []hsm.Token) (hsm.Token, error) {
	if o.Taken && o.Initialize && len(labelled) == 1 { // its slot and serial number may be others now
		return labelled[0], nil
	}
	t, err := m.Named(o.Name)
	if err == nil && !t.Initialised && !o.Initialize {
		err = exitcode.Errorf(exitcode.Usage, "the token %v is not initialised", o.Name).
			Hint("initialise it with the vendor's tool, or leave --adopt out")
	}
	return t, err
}

// free finds a token that is not initialised: the first, or the one that is named.
func free(m *hsm.Module, name hsm.TokenName) (hsm.Token, error) {
	if name.IsZero() {
		return m.Free()
	}
	t, err := m.Named(name)
	if err != nil || !t.Initialised {
		return t, err
	}
	return t, exitcode.Errorf(exitcode.Refused, "%v is initialised, and a free token is needed", t).
		Hint("byok-offline module list --module-path %s shows the free ones", printable.Quote(m.Path))
}

// Taken is the error of initialised tokens that were not chosen.
func Taken(label string, tokens ...hsm.Token) error {
	serials := make([]string, len(tokens))
	for i, t := range tokens {
		serials[i] = t.Serial
	}
	return exitcode.Errorf(exitcode.Refused, "label %q is taken by an initialised token (serial %s)",
		label, session.Join(serials)).
		Hint("choose another one with --label")
}
