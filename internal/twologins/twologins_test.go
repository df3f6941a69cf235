package twologins_test

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/survey"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/twologins"
)

func TestMain(m *testing.M) { rig.Main(m) }

// logins are those of a token that has two.
func logins(t *testing.T) (*rig.Rig, twologins.Logins) {
	t.Helper()
	r := rig.NewRights(t, 1)
	m, err := hsm.Load(r.Library)
	rig.OK(t, err)
	t.Cleanup(m.Close)
	tokens, err := m.Labelled(r.Label)
	rig.OK(t, err)
	return r, twologins.Logins{
		Module: m, Token: tokens[0], Operator: rig.Secret(rig.OperatorPIN), Quorum: rig.Secret(rig.QuorumPIN),
	}
}

// TestProve: each right is proved by a refusal and its control, and nothing is left.
func TestProve(t *testing.T) {
	r, l := logins(t)
	rows, err := l.Prove()
	rig.OK(t, err)
	held := 0
	for _, row := range rows {
		if row.Outcome == "held" {
			held++
		}
	}
	if held != 5 || len(rows) != 6 || rows[5].Name != "no one but the cards has the quorum's PIN" {
		t.Errorf("%+v", rows)
	}
	r.Attack(t, r.Label, rig.QuorumPIN, func(a *rig.Attacker) {
		for _, label := range []string{"byok-login-check-key", "byok-login-check-km", "byok-temporary"} {
			if left := a.Find(label); len(left) > 0 {
				t.Errorf("left on the token: %s", label)
			}
		}
	})
}

const cure = "make that login again without these rights: yubihsm-shell -a put-authentication-key, " +
	"as docs/hsm/yubihsm2.md has it"

// TestBroken: an operator who may do what the quorum may, or a device that wraps
// otherwise, is named.
func TestBroken(t *testing.T) {
	const token = `token "test world" (serial SERIAL) `
	for _, c := range []struct {
		name, variable, value, want string
		status                      exitcode.Code
		hint                        string
	}{
		{
			"wrap", "SHIM_RIGHTS", "wrap",
			token + "does not enforce its restrictions: the operator's login wraps a key", exitcode.HSM, cure,
		},
		{
			"public wrap key", "SHIM_RIGHTS", "outer",
			token + "does not enforce its restrictions: the operator's login makes a key that wraps", exitcode.HSM, cure,
		},
		{
			"RSA wrap key", "SHIM_RIGHTS", "opener",
			token + "does not enforce its restrictions: the operator's login makes a key that unwraps", exitcode.HSM, cure,
		},
		{
			"factory", "SHIM_LOGINS", rig.OperatorPIN + "," + rig.QuorumPIN + ",0001password",
			token + `does not enforce its restrictions: it takes the factory's login, 0001 and "password", which may do everything`, exitcode.HSM,
			"yubihsm-shell --authkey 1 -a delete-object -i 1 -t authentication-key, then run the same command again",
		},
		{
			"another hash", "SHIM_RSA_AES_HASH", "0x250",
			token + "did not wrap an AES-256 key with RSA-OAEP and SHA-1 in front", exitcode.HSM, "",
		},
		{
			"no answer", "SHIM_AT", "C_WrapKey",
			token + "did not answer: whether the operator's login wraps a key: " +
				"C_WrapKey of byok-login-check-key with CKM_RSA_AES_KEY_WRAP: CKR_GENERAL_ERROR", exitcode.HSM, "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, l := logins(t)
			t.Setenv("SHIM_DO", "fail=0x5")
			t.Setenv(c.variable, c.value)
			_, err := l.Prove()
			r.Refused(t, err, c.status, c.want, c.hint)
		})
	}
}

// TestFailing: a call that fails ends the proof, whichever it is.
func TestFailing(t *testing.T) {
	for _, at := range []string{
		"C_OpenSession", "C_OpenSession#3", "C_Login#2", "C_Login#3", "C_Login#4", "C_Logout", "C_FindObjectsInit", "C_FindObjectsInit#4", "C_FindObjectsInit#5", "C_FindObjectsInit#6",
		"C_CreateObject", "C_CreateObject#2", "C_GenerateKeyPair", "C_GenerateKeyPair#2", "C_GenerateKeyPair#3", "C_WrapKey#2",
		"C_UnwrapKey", "C_SignInit", "C_SetAttributeValue", "C_DestroyObject",
	} {
		t.Run(at, func(t *testing.T) {
			_, l := logins(t)
			t.Setenv("SHIM_DO", "fail=0x30")
			t.Setenv("SHIM_AT", at)
			if _, err := l.Prove(); exitcode.Of(err) != exitcode.HSM {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestCutShort: what a proof that was cut short has left goes with the next one.
func TestCutShort(t *testing.T) {
	_, l := logins(t)
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_DestroyObject+")
	if _, err := l.Prove(); err == nil {
		t.Error("nothing was destroyed")
	}
	t.Setenv("SHIM_AT", "")
	_, err := l.Prove()
	rig.OK(t, err)
}

// TestWrongPIN: each PIN is tried, and they must differ.
func TestWrongPIN(t *testing.T) {
	r, l := logins(t)
	wrong := l
	wrong.Operator = rig.Secret("0002another-one")
	_, err := wrong.Prove()
	r.Refused(t, err, exitcode.HSM, `wrong user PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT)`, "")
	wrong.Operator = l.Quorum
	_, err = wrong.Prove()
	r.Refused(t, err, exitcode.Refused, "the operator's PIN and the quorum's are the same, and so are their rights",
		"give two logins of the HSM: the operator's with --pin-file, the quorum's with --quorum-pin-file")
}

// TestSurvey: with both logins guard login is reached, and a right too many is seen
// in its row. A wrong PIN ends the survey.
func TestSurvey(t *testing.T) {
	for _, c := range []struct{ name, rights, want string }{
		{"held", "", "enforced: the operator's login exports nothing, the quorum's wraps and restores; the factory's is refused"},
		{"wraps", "wrap", "not enforced: the operator's login wraps a key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, l := logins(t)
			t.Setenv("SHIM_RIGHTS", c.rights)
			properties, rows, err := l.Survey()
			rig.OK(t, err)
			last := properties[len(properties)-1]
			if got := string(last.Outcome) + ": " + last.Detail; last.Name != survey.PropRights || got != c.want {
				t.Errorf("%s: %s", last.Name, got)
			}
			got := survey.Conclude(survey.Guards(properties, secondproc.Shown(rows)), statement.GuardLogin)
			if reached := got.Outcome == survey.Reached; reached != (c.rights == "") {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestNoSurvey: PINs that are wrong, or one, end a survey.
func TestNoSurvey(t *testing.T) {
	r, l := logins(t)
	const wrong = `wrong user PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT)`
	for _, c := range []struct {
		name, operator, quorum string
		code                   exitcode.Code
		want, hint             string
	}{
		{"the operator's", "0002another-one", rig.QuorumPIN, exitcode.HSM, wrong, ""},
		{"the quorum's", rig.OperatorPIN, "0003another-one", exitcode.HSM, wrong, ""},
		{
			"one", rig.OperatorPIN, rig.OperatorPIN, exitcode.Refused,
			"the operator's PIN and the quorum's are the same, and so are their rights",
			"give two logins of the HSM: the operator's with --pin-file, the quorum's with --quorum-pin-file",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.Operator, l.Quorum = rig.Secret(c.operator), rig.Secret(c.quorum)
			_, _, err := l.Survey()
			r.Refused(t, err, c.code, c.want, c.hint)
		})
	}
}

// TestOrder: two logins are for guard login, and the second PIN is asked for then.
func TestOrder(t *testing.T) {
	one, two := twologins.Order{}, twologins.Order{Rights: true, PIN: func(hsm.Token) (*secret.Bytes, error) {
		return rig.Secret("quorum's"), nil
	}}
	typed := rig.Secret("typed")
	operator, user, err := one.Ask(hsm.Token{}, typed)
	if operator != nil || user != typed || err != nil || one.Advice() != "" || one.Sweep(nil) != nil {
		t.Errorf("%v, %v, %v", operator, user, err)
	}
	operator, user, err = two.Ask(hsm.Token{}, typed)
	if operator != typed || user.Text() != "quorum's" || err != nil || two.Advice() == "" {
		t.Errorf("%v, %v, %v", operator, user, err)
	}
	if err := two.Fits(statement.GuardLogin); err != nil {
		t.Error(err)
	}
	err = two.Fits(statement.GuardTrust)
	if exitcode.Of(err) != exitcode.Usage || err.Error() != "--rights-per-login is for guard login, and this is trust" {
		t.Errorf("%v", err)
	}
}
