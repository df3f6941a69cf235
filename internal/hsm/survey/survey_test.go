package survey

import (
	"crypto/rsa"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/keykind"
	"byok/internal/secret"
	"byok/internal/testkit/softhsm"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		ok(t, err)
		return value
	}
}

func expect(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != exitcode.HSM {
		t.Errorf("\n got %v (status %d)\nwant %s", err, exitcode.Of(err), text)
	}
}

// shimmed is SoftHSM behind the shim, with its log.
func shimmed(t *testing.T) (library, log string) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "calls")
	t.Setenv("SHIM_MODULE", softhsm.New(t))
	t.Setenv("SHIM_LOG", log)
	t.Setenv("SHIM_SHORT_RSA", hsm.ProbeLabel)
	return shim.Build(t), log
}

func load(t *testing.T, library string) *hsm.Module {
	t.Helper()
	m := must[*hsm.Module](t)(hsm.Load(library))
	t.Cleanup(m.Close)
	return m
}

// TestMain has all tests use the same RSA keys in software.
func TestMain(m *testing.M) {
	fresh, known := generateRSA, map[int]*rsa.PrivateKey{}
	generateRSA = func(bits int) (key *rsa.PrivateKey, err error) {
		if known[bits] == nil {
			known[bits], err = fresh(bits)
		}
		return known[bits], err
	}
	m.Run()
}

func pin(s string) *secret.Bytes { return secret.Take([]byte(s)) }

// outcomes are the properties that did not turn out enforced, with their details.
func outcomes(properties []Property) map[string]string {
	all := map[string]string{}
	for _, p := range properties {
		if p.Outcome != Enforced {
			all[p.Name] = string(p.Outcome) + ": " + p.Detail
		}
	}
	return all
}

// soft are SoftHSM's, with others instead. An empty text is enforced.
func soft(others map[string]string) map[string]string {
	all := map[string]string{
		PropOneCall: "refused: not offered: the two-step form is used, which gives the same blob",
		PropLockout: "refused: three wrong SO PINs did not lock it: only the length of the SO PIN guards it",
	}
	maps.Copy(all, others)
	maps.DeleteFunc(all, func(_, detail string) bool { return detail == "" })
	return all
}

const (
	everything = "everything that the ceremony needs was tried and is enforced"
	noTrusted  = "not tried: needs trusted keys"
	later      = "not tried: on a throw-away token only, and when everything else is enforced"
)

// module is SoftHSM with one promise broken, and what the survey says of it.
type module struct {
	name     string
	switches map[string]string
	want     map[string]string // other than SoftHSM's
	usable   bool
	why      string
}

func weak(word string) map[string]string { return map[string]string{"SHIM_WEAK": word} }

func failing(call string, code uint) map[string]string {
	return map[string]string{"SHIM_AT": call + "+", "SHIM_DO": fmt.Sprintf("fail=0x%x", code)}
}

var modules = []module{
	{"as it is", nil, nil, true, everything},
	{"one call", map[string]string{"SHIM_RSA_AES": "1"}, map[string]string{PropOneCall: ""}, true, everything},
	{
		"the SO PIN locks", map[string]string{"SHIM_FLAGS": "0x200000"},
		map[string]string{PropLockout: ""}, true, everything,
	},
	{
		"any user trusts", map[string]string{"SHIM_TRUST": "C_SetAttributeValue"},
		map[string]string{
			PropTrustedOnly: "not enforced: the user can make an AES key trusted with C_SetAttributeValue, as a session object",
			PropLockout:     later,
		},
		false, "not enforced: " + PropTrustedOnly,
	},
	{
		"one mechanism forgets WRAP_WITH_TRUSTED", map[string]string{"SHIM_UNTRUSTED_WRAP": "0x1082"},
		map[string]string{
			PropWrapTrusted: "not enforced: byok-module-check-key can be wrapped with CKM_AES_CBC under an AES key " +
				"that is not trusted",
			PropCopy: "not enforced: the transfer copy can be wrapped with CKM_AES_CBC under an AES key " +
				"that is not trusted",
			PropLockout: later,
		},
		false, "not enforced: " + PropWrapTrusted,
	},
	{
		"no private key can be wrapped", map[string]string{"SHIM_REPORT": "0x210=0"},
		map[string]string{
			PropTrustedBySO: "refused: shows CKA_WRAP_WITH_TRUSTED=false on KW instead of true (only a key that " +
				"the quorum trusted wraps it)",
			PropFrozen:      noTrusted,
			PropForVault:    noTrusted,
			PropRestore:     noTrusted,
			PropWrapTrusted: "refused: " + shownWrap,
			PropOneWay:      "refused: " + shownWrap,
			PropCopy:        "refused: " + shownWrap,
			PropLockout:     later,
		},
		false, "refused: " + PropTrustedBySO + ", " + PropWrapTrusted + ", " + PropOneWay,
	},
	{
		"UNWRAP of trusted keys", weak("unwrap"),
		map[string]string{PropFrozen: "not enforced: KW unwraps what it has wrapped", PropLockout: later},
		false, "not enforced: " + PropFrozen,
	},
	{
		"SENSITIVE", weak("sensitive"),
		map[string]string{
			PropFrozen:  "not enforced: the value of the transfer key can be read",
			PropOneWay:  "not enforced: the value of byok-module-check-key can be read",
			PropCopy:    "not enforced: the value of the transfer copy can be read",
			PropLockout: later,
		},
		false, "not enforced: " + PropFrozen + ", " + PropOneWay,
	},
	{
		"SIGN of a copy", weak("sign"),
		map[string]string{PropCopy: "not enforced: the transfer copy signs although CKA_SIGN is false"},
		true, everything,
	},
	{
		"no C_SetAttributeValue", failing("C_SetAttributeValue", pkcs11.CKR_FUNCTION_NOT_SUPPORTED),
		map[string]string{
			PropFrozen: "not answered: whether CKA_SENSITIVE of KW can be set to false (never in clear): " +
				"CKR_FUNCTION_NOT_SUPPORTED",
			PropOneWay: "not answered: whether CKA_SENSITIVE of byok-module-check-key can be set to false (never " +
				"in clear): CKR_FUNCTION_NOT_SUPPORTED",
			PropCopy: "not answered: whether CKA_SENSITIVE of the transfer copy can be set to false (never in " +
				"clear): CKR_FUNCTION_NOT_SUPPORTED",
			PropLockout: later,
		},
		false, "not answered: " + PropFrozen + ", " + PropOneWay,
	},
	{
		"OAEP hash", map[string]string{"SHIM_WEAK": "sensitive", "SHIM_OAEP_HASH": "0x250"},
		map[string]string{
			PropTrustedBySO: "refused: " + otherHash,
			PropTrustedOnly: "",
			PropFrozen:      noTrusted,
			PropForVault:    noTrusted,
			PropRestore:     noTrusted,
			PropOneWay:      "not enforced: the value of byok-module-check-key can be read",
			PropCopy:        "not enforced: the value of the transfer copy can be read",
			PropKeyWrap:     "refused: " + otherHash,
			PropOAEP:        "refused: " + otherHash,
			PropLockout:     later,
		},
		false, "not enforced: " + PropOneWay + "; refused: " + PropTrustedBySO + ", " + PropKeyWrap + ", " + PropOAEP,
	},
	{
		"OAEP hash in one call", map[string]string{"SHIM_RSA_AES": "1", "SHIM_RSA_AES_HASH": "0x250"},
		map[string]string{
			PropOAEP:     "refused: does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs",
			PropForVault: "refused: did not wrap an AES-256 key with RSA-OAEP and SHA-1 in front",
			PropRestore:  "refused: did not wrap with RSA-OAEP and SHA-1 for the backup",
			PropOneCall:  "",
			PropLockout:  later,
		},
		false, "refused: " + PropOAEP + ", " + PropForVault + ", " + PropRestore,
	},
	{
		"no trusted keys", map[string]string{"SHIM_UNKNOWN": "0x86"},
		map[string]string{
			PropTrustedBySO: "refused: C_CreateObject of KM as a trusted key: CKR_ATTRIBUTE_TYPE_INVALID",
			PropTrustedOnly: "not answered: whether the user can make an AES key trusted with C_SetAttributeValue, " +
				"as a token object: CKR_ATTRIBUTE_TYPE_INVALID",
			PropFrozen:   noTrusted,
			PropForVault: noTrusted,
			PropRestore:  noTrusted,
			PropLockout:  later,
		},
		false, "refused: " + PropTrustedBySO + "; not answered: " + PropTrustedOnly,
	},
}

const (
	shownWrap = "shows CKA_WRAP_WITH_TRUSTED=false on byok-module-check-key instead of true (only under a " +
		"key that a quorum has trusted)"
	otherHash = "does not use SHA-1 in RSA-OAEP when asked to, which the vault needs"
)

// TestModules: one promise broken at a time is seen, in its own row.
func TestModules(t *testing.T) {
	library, _ := shimmed(t)
	for _, c := range modules {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			for variable, value := range c.switches {
				t.Setenv(variable, value)
			}
			properties := must[[]Property](t)(ThrowAway(load(t, library)))
			if got, want := outcomes(properties), soft(c.want); !maps.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			conclusion := Conclude(properties)
			if conclusion != (Conclusion{c.usable, c.why}) {
				t.Errorf("%+v", conclusion)
			}
			if err := conclusion.Err(); c.usable != (err == nil) {
				t.Errorf("%v", err)
			} else if !c.usable {
				expect(t, err, "the ceremony cannot use this module: "+c.why)
			}
		})
	}
}

// TestNothingIsLeft: the throw-away token is empty afterwards, and used again.
func TestNothingIsLeft(t *testing.T) {
	library, _ := shimmed(t)
	m := load(t, library)
	for range 2 {
		if got, want := outcomes(must[[]Property](t)(ThrowAway(m))), soft(nil); !maps.Equal(got, want) {
			t.Errorf("%q", got)
		}
	}
	left := must[[]hsm.Token](t)(m.Labelled(Label))
	if len(left) != 1 {
		t.Fatalf("left: %+v", left)
	}
	if got := labels(t, m, left[0], Label); len(got) != 0 {
		t.Errorf("left on the token: %q", got)
	}
}

func labels(t *testing.T, m *hsm.Module, token hsm.Token, userPIN string) []string {
	t.Helper()
	s := must[*hsm.Session](t)(m.Open(token))
	defer s.Close()
	ok(t, s.Login(hsm.RoleUser, pin(userPIN)))
	var list []string
	for _, item := range must[[]hsm.Item](t)(s.Inventory()) {
		list = append(list, item.Label)
	}
	return list
}

// prepared is a token with a key and a world's anchor on it, and what an
// interrupted check has left.
func prepared(t *testing.T, m *hsm.Module) hsm.Token {
	t.Helper()
	token := must[hsm.Token](t)(m.Initialise(must[hsm.Token](t)(m.Free()), pin(softhsm.SOPIN), "a token"))
	s := must[*hsm.Session](t)(m.Open(token))
	defer s.Close()
	ok(t, s.Login(hsm.RoleSO, pin(softhsm.SOPIN)))
	ok(t, s.InitPIN(pin(softhsm.UserPIN)))
	software := &survey{}
	ok(t, software.keys())
	ok(t, s.SetAnchor(hsm.AnchorPrefix+"000001", &software.km.PublicKey))
	ok(t, s.Logout())
	ok(t, s.Login(hsm.RoleUser, pin(softhsm.UserPIN)))
	aes := must[keykind.Kind](t)(keykind.Parse("AES-128"))
	for _, label := range []string{"kept", testKey} {
		must[hsm.Key](t)(s.Generate(hsm.Spec{Kind: aes}, label, hsm.TokenObject))
	}
	return token
}

// TestOnToken: a token in use keeps its keys and its anchor.
func TestOnToken(t *testing.T) {
	library, _ := shimmed(t)
	m := load(t, library)
	token := prepared(t, m)
	const tried = "everything that was tried is enforced; not tried: "
	for _, c := range []struct {
		name  string
		soPIN *secret.Bytes
		want  map[string]string
		why   string
	}{
		{"with the SO", pin(softhsm.SOPIN), nil, tried + PropInitToken},
		{"without", nil, map[string]string{
			PropTrustedBySO: "not tried: needs an initialised token and its SO PIN",
			PropFrozen:      noTrusted,
			PropForVault:    noTrusted,
			PropRestore:     noTrusted,
		}, tried + PropInitToken + ", " + PropTrustedBySO + ", " + PropFrozen + ", " + PropForVault + ", " + PropRestore},
	} {
		t.Run(c.name, func(t *testing.T) {
			properties := must[[]Property](t)(OnToken(m, token, pin(softhsm.UserPIN), c.soPIN))
			want := soft(c.want)
			want[PropInitToken], want[PropLockout] = "not tried: on a throw-away token only", later
			if got := outcomes(properties); !maps.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			if got := Conclude(properties); got != (Conclusion{true, c.why}) {
				t.Errorf("%+v", got)
			}
		})
	}
	got := labels(t, m, token, softhsm.UserPIN)
	if slices.Sort(got); !slices.Equal(got, []string{hsm.AnchorPrefix + "000001", "kept"}) {
		t.Errorf("on the token: %q", got)
	}
	for _, c := range []struct{ role, user, so string }{
		{"SO", softhsm.UserPIN, "wrong"}, {"user", "wrong", softhsm.SOPIN},
	} {
		_, err := OnToken(m, token, pin(c.user), pin(c.so))
		expect(t, err, fmt.Sprintf("wrong %s PIN for %v (CKR_PIN_INCORRECT); "+
			"the token counts wrong PINs and will lock it after a few more", c.role, token))
	}
}

// TestOfTheSOPIN has the first wrong SO PIN answered as it should not be, or
// with the news that it is locked.
func TestOfTheSOPIN(t *testing.T) {
	library, log := shimmed(t)
	m := load(t, library)
	must[[]Property](t)(ThrowAway(m))
	m.Close()
	logins := 0
	for _, call := range shim.Calls(t, log) {
		if call == "C_Login" {
			logins++
		}
	}
	first := fmt.Sprintf("C_Login#%d", logins-3) // three wrong ones, and the right one
	for _, c := range []struct {
		name   string
		code   uint
		want   Property
		usable bool
	}{
		{"accepted", 0, Property{PropTrustedBySO, NotEnforced, "a wrong SO PIN was accepted", false}, false},
		{
			"locked", pkcs11.CKR_PIN_LOCKED,
			Property{PropLockout, Enforced, "after 1 wrong tries the token says so", true}, true,
		},
		{"refused", pkcs11.CKR_PIN_INCORRECT, Property{
			PropLockout, Refused, "three wrong SO PINs did not lock it: only the length of the SO PIN guards it", true,
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			m := must[*hsm.Module](t)(hsm.Load(library)) // the count of C_Login begins after this
			defer m.Close()
			t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", c.code))
			t.Setenv("SHIM_AT", first)
			properties := must[[]Property](t)(ThrowAway(m))
			if !slices.Contains(properties, c.want) {
				t.Errorf("%+v", properties)
			}
			if got := Conclude(properties); got.Usable != c.usable {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestLostModule: what does not answer any more is an error, not a finding.
func TestLostModule(t *testing.T) {
	library, _ := shimmed(t)
	for _, c := range []struct{ call, want string }{
		{"C_GetSlotList", "C_GetSlotList of " + library + ": CKR_DEVICE_REMOVED"},
		{"C_InitToken", "C_InitToken on slot 0 for \"byok-module-check\": CKR_DEVICE_REMOVED"},
		{"C_OpenSession", ""},
		{"C_DestroyObject", "C_DestroyObject of byok-module-check-key: CKR_DEVICE_REMOVED"},
		{"C_CopyObject", ""},
	} {
		t.Run(c.call, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", pkcs11.CKR_DEVICE_REMOVED))
			t.Setenv("SHIM_AT", c.call+"+")
			m := must[*hsm.Module](t)(hsm.Load(library))
			_, err := ThrowAway(m)
			m.Close()
			if c.want != "" {
				expect(t, err, c.want)
			} else if !hsm.Gone(err) {
				t.Errorf("%v", err)
			}
		})
	}
}
