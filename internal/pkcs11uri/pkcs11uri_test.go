package pkcs11uri_test

import (
	"reflect"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/pkcs11uri"
)

func TestParse(t *testing.T) {
	is := func(s string) *string { return &s }
	seven := uint(7)
	for _, c := range []struct {
		name, text string
		want       pkcs11uri.URI
		again      string // as it is written
	}{
		{"label", "pkcs11:token=byok", pkcs11uri.URI{Token: is("byok")}, "pkcs11:token=byok"},
		{
			"everything", "pkcs11:slot-id=7;serial=01;model=HSM;manufacturer=Example;token=a",
			pkcs11uri.URI{Token: is("a"), Manufacturer: is("Example"), Model: is("HSM"), Serial: is("01"), Slot: &seven},
			"pkcs11:token=a;manufacturer=Example;model=HSM;serial=01;slot-id=7",
		},
		{
			"percent-encoded, in both cases", "pkcs11:token=My%20%c3%9Cber%3btoken",
			pkcs11uri.URI{Token: is("My Über;token")}, "pkcs11:token=My%20%C3%9Cber%3Btoken",
		},
		{"without a serial number", "pkcs11:serial=", pkcs11uri.URI{Serial: is("")}, "pkcs11:serial="},
		{"what may stand for itself", "pkcs11:model=-._~:[]@!$'()*+", pkcs11uri.URI{Model: is("-._~:[]@!$'()*+")},
			"pkcs11:model=-._~:[]@!$'()*+"},
		{"an equals sign in a value", "pkcs11:model=a=b", pkcs11uri.URI{Model: is("a=b")}, "pkcs11:model=a=b"},
		{"scheme in capitals", "PKCS11:serial=1", pkcs11uri.URI{Serial: is("1")}, "pkcs11:serial=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := pkcs11uri.Parse(c.text)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Fatalf("%+v, %v", got, err)
			}
			if text := got.String(); text != c.again {
				t.Errorf("written as %s", text)
			}
		})
	}
}

const hint = "such as pkcs11:token=LABEL;serial=SERIAL, in quotes; byok-offline module list shows the tokens"

func TestRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"another scheme", "https:token=a", "it must begin with pkcs11:"},
		{"empty", "pkcs11:", "it is empty: expected token, manufacturer, model, serial or slot-id"},
		{"unknown", "pkcs11:tokn=a", `"tokn" does not name a token: expected token, manufacturer, model, serial or slot-id`},
		{"an object", "pkcs11:token=a;object=b",
			`"object" does not name a token: expected token, manufacturer, model, serial or slot-id`},
		{"a PIN in the path", "pkcs11:pin-value=1234",
			`"pin-value" does not name a token: expected token, manufacturer, model, serial or slot-id`},
		{"a part in capitals", "pkcs11:Token=a",
			`"Token" does not name a token: expected token, manufacturer, model, serial or slot-id`},
		{"an empty part", "pkcs11:token=a;", `"" does not name a token: expected token, manufacturer, model, serial or slot-id`},
		{"a PIN", "pkcs11:token=a?pin-value=1234", "what follows the ? is not accepted: a PIN is typed or comes from " +
			"--pin-file, and the library from --module-path"},
		{"doubled", "pkcs11:token=a;token=a", "token is given twice"},
		{"doubled and encoded otherwise", "pkcs11:token=a;serial=1;token=%61", "token is given twice"},
		{"no value", "pkcs11:token", "token has no value"},
		{"not hex", "pkcs11:token=%zz", "token: a % is not followed by two hex digits"},
		{"one digit", "pkcs11:token=%2", "token: a % is not followed by two hex digits"},
		{"a sign", "pkcs11:token=%+1", "token: a % is not followed by two hex digits"},
		{"the end", "pkcs11:token=a%", "token: a % is not followed by two hex digits"},
		{"a blank", "pkcs11:token=a b", "token: ' ' must be written as %20"},
		{"not UTF-8", "pkcs11:token=%ff", "token is not UTF-8 text"},
		{"NUL", "pkcs11:token=a%00", "token is not UTF-8 text"},
		{"too long", "pkcs11:serial=01234567890123456", "serial of 17 bytes: at most 16 fit"},
		{"no number", "pkcs11:slot-id=x", "slot-id is not a number"},
		{"a negative number", "pkcs11:slot-id=-1", "slot-id is not a number"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := pkcs11uri.Parse(c.text)
			if err == nil || err.Error() != "PKCS#11 URI: "+c.want || exitcode.Of(err) != exitcode.Usage ||
				exitcode.HintOf(err) != hint {
				t.Errorf("%v (status %d), hint %s", err, exitcode.Of(err), exitcode.HintOf(err))
			}
		})
	}
}

// FuzzParse: what parses is written in one way, and read back as the same.
func FuzzParse(f *testing.F) {
	f.Add("pkcs11:token=My%20token;serial=01;slot-id=7")
	f.Add("pkcs11:model=a=b;manufacturer=%c3%9c")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := pkcs11uri.Parse(text)
		if err != nil {
			return
		}
		again, err := pkcs11uri.Parse(u.String())
		if err != nil || !reflect.DeepEqual(again, u) {
			t.Errorf("%s becomes %s: %v", text, u, err)
		}
	})
}
