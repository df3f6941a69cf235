package secondproc

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"
)

func TestJudge(t *testing.T) {
	with := func(code uint) try { return try{Name: "x", Code: code} }
	works, fails := try{Name: "x", Worked: true}, with(pkcs11.CKR_FUNCTION_NOT_SUPPORTED)
	general, lost := with(pkcs11.CKR_GENERAL_ERROR), with(pkcs11.CKR_DEVICE_ERROR)
	loggedIn := try{Name: login, Worked: true}
	refused := with(pkcs11.CKR_ATTRIBUTE_READ_ONLY)
	loginFails := func(code uint) try { return try{Name: login, Code: code} }
	for name, c := range map[string]struct {
		attempt, control try
		outcome          Outcome
		why              string
	}{
		"achieved":                 {works, works, Failed, ""},
		"achieved without control": {works, try{}, Failed, ""},
		"refused":                  {refused, works, Held, ""},
		"found nothing":            {with(0), works, Held, ""},
		"stale handle":             {with(pkcs11.CKR_OBJECT_HANDLE_INVALID), works, Held, ""},
		"no control":               {refused, try{}, NotAnswered, "it was not tried alone"},
		"control fails":            {refused, fails, NotAnswered, neither},
		"not offered":              {fails, fails, notOffered, ""},
		"fails for all, why ever":  {general, general, NotAnswered, "alone it did not work either (CKR_GENERAL_ERROR)"},
		"device lost":              {lost, lost, NotAnswered, "alone it did not work either (CKR_DEVICE_ERROR)"},
		"found nothing, ever":      {with(0), with(0), NotAnswered, "alone it did not work either (CKR_OK)"},
		"other error":              {with(pkcs11.CKR_DEVICE_ERROR), works, NotAnswered, "CKR_DEVICE_ERROR"},
		"login refused":            {loginFails(pkcs11.CKR_USER_TOO_MANY_TYPES), loggedIn, Held, ""},
		"login, wrong PIN": {loginFails(pkcs11.CKR_PIN_INCORRECT), loggedIn,
			NotAnswered, "CKR_PIN_INCORRECT"},
		"login, a refusal elsewhere": {loginFails(pkcs11.CKR_ATTRIBUTE_READ_ONLY), loggedIn,
			NotAnswered, "CKR_ATTRIBUTE_READ_ONLY"},
	} {
		if outcome, why := c.attempt.judge(c.control); outcome != c.outcome || why != c.why {
			t.Errorf("%s: %s, %q", name, outcome, why)
		}
	}
	if code(errors.New("no return value")) != pkcs11.CKR_GENERAL_ERROR {
		t.Error("an error without a return value counts as success")
	}
}
