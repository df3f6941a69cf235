package main

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"
)

func commanding() []attack {
	const group = "Become the security officer"
	on := []string{theToken}
	return []attack{
		{group: group, name: "log in as SO with the user PIN and with guesses (C_Login)", on: on, try: loginAsSO},
		{group: group, name: "log in as SO beside the user (C_Login)", on: on, never: true, try: loginBesideUser},
		{group: group, name: "log in for a context, with the user PIN (C_Login)", on: on, never: true,
			try: loginForContext},
		{group: group, name: "change the SO PIN with guesses (C_SetPIN)", on: on, try: changeSOPIN},
		{group: group, name: "set the user PIN as user, and as nobody (C_InitPIN)", on: on, try: initPIN},
		{group: group, name: "initialise the token with the user PIN and with guesses (C_InitToken)", on: on,
			try: initToken},
	}
}

// field is where a PIN is tried: on the world's token with every guess, or,
// for practice, on the attacker's own token with its SO PIN.
func (a *attacker) field(o object) (slot uint, guesses []string) {
	if o.mine {
		return a.second, []string{secondPIN}
	}
	return a.slot, a.guesses
}

// outside works in a session of its own without a login, and logs in as
// user again afterwards.
func (a *attacker) outside(t testing.TB, slot uint, work func(h pkcs11.SessionHandle)) {
	t.Helper()
	_ = a.p.CloseAllSessions(a.slot)
	_ = a.p.CloseAllSessions(a.second)
	work(mustDo(a.p.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))(t))
	_ = a.p.CloseAllSessions(slot)
	a.login(t)
}

func loginAsSO(a *attacker, t *testing.T, o object, f *finding) {
	slot, guesses := a.field(o)
	a.outside(t, slot, func(h pkcs11.SessionHandle) {
		for _, guess := range guesses {
			f.call("C_Login as SO", a.p.Login(h, pkcs11.CKU_SO, guess))
		}
	})
}

func loginBesideUser(a *attacker, _ *testing.T, _ object, f *finding) {
	for _, guess := range a.guesses {
		f.call("C_Login as SO", a.p.Login(a.h, pkcs11.CKU_SO, guess))
	}
}

func loginForContext(a *attacker, _ *testing.T, _ object, f *finding) {
	f.call("C_Login for a context", a.p.Login(a.h, pkcs11.CKU_CONTEXT_SPECIFIC, stagePIN))
}

// changeSOPIN: without an SO session C_SetPIN changes the user's, so the user
// PIN is not a guess here.
func changeSOPIN(a *attacker, t *testing.T, o object, f *finding) {
	slot, guesses := a.field(o)
	a.outside(t, slot, func(h pkcs11.SessionHandle) {
		if o.mine {
			a.must(t, a.p.Login(h, pkcs11.CKU_SO, secondPIN))
		}
		for _, guess := range guesses {
			if guess != stagePIN {
				f.call("C_SetPIN", a.p.SetPIN(h, guess, guess))
			}
		}
	})
	if !o.mine {
		f.call("C_SetPIN as user", a.p.SetPIN(a.h, slices.Max(guesses), stagePIN))
	}
}

func initPIN(a *attacker, t *testing.T, o object, f *finding) {
	slot, _ := a.field(o)
	a.outside(t, slot, func(h pkcs11.SessionHandle) {
		if o.mine {
			a.must(t, a.p.Login(h, pkcs11.CKU_SO, secondPIN))
		}
		f.call("C_InitPIN", a.p.InitPIN(h, stagePIN))
	})
	if !o.mine {
		f.call("C_InitPIN as user", a.p.InitPIN(a.h, stagePIN))
	}
}

func initToken(a *attacker, t *testing.T, o object, f *finding) {
	slot, guesses := a.field(o)
	label := map[bool]string{true: secondLabel, false: stageLabel}[o.mine]
	if !o.mine {
		f.call("C_InitToken beside the user", a.p.InitToken(slot, stagePIN, label))
	}
	_ = a.p.CloseAllSessions(a.slot)
	for _, guess := range guesses {
		f.call("C_InitToken", a.p.InitToken(slot, guess, label))
	}
	a.login(t)
}
