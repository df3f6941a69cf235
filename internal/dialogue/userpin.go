package dialogue

import (
	"fmt"

	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/twologins"
)

// UserPIN gets the user PIN of a token. One that the token cannot have is refused
// before a try is spent on it. Where the token has a PIN pad, people
// type it there: the PIN is empty.
func (u *UI) UserPIN(t hsm.Token) (*secret.Bytes, error) {
	if t.PINPad() {
		return u.onDevice(t, "user PIN")
	}
	return fitting(t)(u.r.Secret("pin-file", "user PIN for "+t.String()))
}

// NewUserPIN gets a new user PIN for a token, which has the label only afterwards
// if it is free. flag names the option of its file.
func (u *UI) NewUserPIN(flag string, t hsm.Token, label string) (*secret.Bytes, error) {
	if t.PINPad() {
		return u.onDevice(t, "new user PIN")
	}
	name := t.String()
	if !t.Initialised {
		name = fmt.Sprintf("token %q", label)
	}
	return fitting(t)(u.r.NewSecret(flag, "new user PIN for "+name))
}

// fitting refuses a PIN of a length that the token does not take.
func fitting(t hsm.Token) func(*secret.Bytes, error) (*secret.Bytes, error) {
	return func(pin *secret.Bytes, err error) (*secret.Bytes, error) {
		if err != nil {
			return nil, err
		}
		if err := t.CheckPIN(pin); err != nil {
			pin.Wipe()
			return nil, err
		}
		return pin, nil
	}
}

// TwoLogins is what --rights-per-login and --quorum-pin-file say.
func (u *UI) TwoLogins() twologins.Order {
	return twologins.Order{
		Rights: u.r.Bool("rights-per-login"),
		PIN: func(t hsm.Token) (*secret.Bytes, error) {
			return u.r.Secret("quorum-pin-file", "quorum's PIN for "+t.String())
		},
	}
}

func (u *UI) onDevice(t hsm.Token, what string) (*secret.Bytes, error) {
	u.Say("%v: enter the %s on the device when it asks", t, what)
	return secret.New(0), nil
}
