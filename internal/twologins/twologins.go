// Package twologins proves what guard login rests on where logins have rights of
// their own: that of two user PINs of a token the operator's exports nothing, and
// the quorum's does.
//
// A refusal counts only beside its control: the same call, by the other login, on
// the same key. [Logins.Prove] it at creation and for each module statement, and
// have the operator's login show its part again ([Refused]) whenever it is checked.
package twologins

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/secret"
	"byok/internal/statement"
)

// Order asks for a module with two logins.
type Order struct {
	Rights bool // logins have rights of their own
	// PIN asks for the quorum's. The operator's is asked for as on every module.
	PIN func(hsm.Token) (*secret.Bytes, error)
}

// Logins are the two logins of a token.
type Logins struct {
	Module   *hsm.Module
	Token    hsm.Token
	Operator *secret.Bytes
	Quorum   *secret.Bytes
}

// Labels of what the proof makes. Objects with them protect nothing.
const (
	labelKey = "byok-login-check-key"
	labelKM  = "byok-login-check-km"
)

// Guarding is what a session with such a token does without.
var guarding = hsm.Guarding{Untrusted: true, Unrestricted: true, Rights: true}

// Fits refuses two logins with a guard that does not rest on them.
func (o Order) Fits(g statement.Guard) error {
	if !o.Rights || g == statement.GuardLogin {
		return nil
	}
	return exitcode.Errorf(exitcode.Usage, "--rights-per-login is for guard %s, and this is %s", statement.GuardLogin, g)
}

// Advice is what is said of the PIN that goes to the cards, where there are two
// logins: it is the quorum's, and no call changes it.
func (o Order) Advice() string {
	if !o.Rights {
		return ""
	}
	return "; that is the quorum's PIN, which yubihsm-shell -a change-authentication-key changes " +
		"before it is typed here, and nothing afterwards"
}

// Sweep destroys what a proof that was cut short has left, with the quorum's login,
// where there are two.
func (o Order) Sweep(on *hsm.Session) error {
	if !o.Rights {
		return nil
	}
	return sweep(on)
}

func sweep(on *hsm.Session) error {
	for _, label := range []string{labelKey, labelKM} {
		if _, err := on.DestroyLabelled(label); err != nil {
			return err
		}
	}
	return on.Sweep()
}

// Ask gets the quorum's PIN, where there are two logins: the user PIN that was typed
// is the operator's then. Where there are not, that one stays, and operator is nil.
func (o Order) Ask(t hsm.Token, typed *secret.Bytes) (operator, user *secret.Bytes, err error) {
	if !o.Rights {
		return nil, typed, nil
	}
	if user, err = o.PIN(t); err != nil {
		return typed, nil, err
	}
	return typed, user, differ(typed, user)
}

// differ refuses two PINs that are one.
func differ(operator, quorum *secret.Bytes) error {
	if !operator.Equal(quorum) {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "the operator's PIN and the quorum's are the same, and so are their rights").
		Hint("give two logins of the HSM: the operator's with --pin-file, the quorum's with --quorum-pin-file")
}

// Prove proves the rights of both logins, and that the factory's login is gone.
// Everything that it makes is worthless, and destroyed.
func (l Logins) Prove() (rows []statement.Finding, err error) {
	if err := differ(l.Operator, l.Quorum); err != nil {
		return nil, err
	}
	if err := l.factory(); err != nil {
		return nil, err
	}
	km, err := rsa.GenerateKey(rand.Reader, kmBits)
	if err != nil {
		return nil, err
	}
	err = l.as(l.Quorum, func(on *hsm.Session) error {
		if err := sweep(on); err != nil {
			return err
		}
		_, err := on.TrustKM(labelKM, &km.PublicKey, keywrap.OneCall)
		return err
	})
	if err != nil {
		return nil, err
	}
	tried := l.as(l.Operator, func(on *hsm.Session) error { return operator(on, &km.PublicKey) })
	shown := l.as(l.Quorum, func(on *hsm.Session) error {
		err := tried
		if err == nil {
			err = quorum(on, km)
		}
		return errors.Join(err, sweep(on))
	})
	if shown != nil {
		return nil, shown
	}
	return findings(), nil
}

// kmBits is the size of the key that wraps in the proof.
const kmBits = 2048

// findings are what the statement says, once all of it was shown.
func findings() []statement.Finding {
	held := func(name string) statement.Finding { return statement.Finding{Name: name, Outcome: "held"} }
	return []statement.Finding{
		held("the operator's login makes no key that wraps"),
		held("the operator's login wraps no key, also none that it made"),
		held("the operator's login makes no key that unwraps"),
		held("the quorum's login wraps what the vault unwraps, and restores it"),
		held("the factory's login is refused"),
		{
			Name:    "no one but the cards has the quorum's PIN",
			Outcome: "not answered",
			Detail:  "a person typed it, and PKCS#11 cannot change it",
		},
	}
}

// as runs f in a session of its own with a user PIN.
func (l Logins) as(pin *secret.Bytes, f func(*hsm.Session) error) error {
	on, err := l.Module.Open(l.Token)
	if err != nil {
		return err
	}
	defer on.Close()
	on.Guarding = guarding
	if err := on.Login(hsm.RoleUser, pin); err != nil {
		return err
	}
	return errors.Join(f(on), on.Logout())
}

// factoryPIN is that of a new YubiHSM 2: authentication key 1 with the password
// "password", which may do everything (Yubico, "YubiHSM 2: Default Authentication Key").
const factoryPIN = "0001password"

// factory proves that the factory's login is refused. The library's answer for a
// key that is not there is CKR_OBJECT_HANDLE_INVALID.
func (l Logins) factory() error {
	if !strings.HasPrefix(l.Token.Manufacturer, "Yubico") {
		return nil
	}
	pin := secret.Take([]byte(factoryPIN))
	defer pin.Wipe()
	err := l.as(pin, func(*hsm.Session) error { return nil })
	switch {
	case err == nil:
		return exitcode.Errorf(exitcode.HSM,
			"%v %w: it takes the factory's login, 0001 and \"password\", which may do everything",
			l.Token, hsm.ErrNotEnforced).
			Hint("yubihsm-shell --authkey 1 -a delete-object -i 1 -t authentication-key, then run the same command again")
	case hsm.IsWrongPIN(err), p11.Is(err, pkcs11.CKR_OBJECT_HANDLE_INVALID):
		return nil
	}
	return fmt.Errorf("the factory's login: %w", err)
}

// operator makes a key that can be exported, and must not export it. km is on the
// token, as the quorum's login made it.
func operator(on *hsm.Session, km *rsa.PublicKey) error {
	kind, err := keykind.Lookup(keykind.EC, 0, "P-256")
	if err != nil {
		return err
	}
	key, err := on.Generate(hsm.Spec{Kind: kind}, labelKey, hsm.TokenObject)
	if err != nil {
		return err
	}
	outer, err := on.FindKM(labelKM, km)
	if err != nil {
		return err
	}
	if _, err := on.Wrap(hsm.Wrapping{Form: keywrap.OneCall, Outer: outer}, key); !p11.Refusal(err) {
		return gained(on, "wraps a key", err)
	}
	return Refused(on)
}

// Refused proves that the operator's login makes neither a key that wraps nor one
// that unwraps.
func Refused(on *hsm.Session) error {
	other, err := rsa.GenerateKey(rand.Reader, kmBits)
	if err != nil {
		return err
	}
	if _, err := on.SessionKM(&other.PublicKey, keywrap.OneCall); !p11.Refusal(err) {
		return gained(on, "makes a key that wraps", err)
	}
	if err := on.ProbeOpener(); !p11.Refusal(err) {
		return gained(on, "makes a key that unwraps", err)
	}
	return nil
}

// gained says what the operator's login did, or that nothing is known of it.
func gained(on *hsm.Session, what string, err error) error {
	if err != nil {
		return exitcode.Mark(exitcode.HSM, fmt.Errorf("%v %w: whether the operator's login %s: %w",
			on.Token, hsm.ErrNotAnswered, what, err))
	}
	_ = on.Sweep() // of what it should not have made
	return exitcode.Errorf(exitcode.HSM, "%v %w: the operator's login %s", on.Token, hsm.ErrNotEnforced, what).
		Hint("make that login again without these rights: yubihsm-shell -a put-authentication-key, " +
			"as docs/hsm/yubihsm2.md has it")
}
