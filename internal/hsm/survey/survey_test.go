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
	t.Setenv("SHIM_FIXED_RSA", "byok-session") // what a restore unwraps with
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

// untriedRights is the row of a survey with one login.
const untriedRights = "not tried: needs an initialised token with two logins: --pin-file with the operator's PIN, " +
	"--quorum-pin-file with the quorum's"

// soft are SoftHSM's, with others instead. An empty text is enforced.
func soft(others map[string]string) map[string]string {
	all := map[string]string{
		PropOneCall:   "refused: not offered: the two-step form is used, which gives the same blob",
		PropOtherWrap: "not known: listed and not tried: 0x121, 0x122, 0x125",
		PropRights:    untriedRights,
		PropLockout:   "refused: three wrong SO PINs did not lock it: only the length of the SO PIN guards it",
	}
	maps.Copy(all, others)
	maps.DeleteFunc(all, func(_, detail string) bool { return detail == "" })
	return all
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

// TestRights: what came of the proof of two logins is a row.
func TestRights(t *testing.T) {
	token := hsm.Token{Label: "two", Serial: "1"}
	about := func(what error) error { return fmt.Errorf("%v %w: the operator's login wraps a key", token, what) }
	for _, c := range []struct {
		name  string
		proof error
		want  string
	}{
		{"held", nil, ""},
		{"not enforced", about(hsm.ErrNotEnforced), "not enforced: the operator's login wraps a key"},
		{"not answered", about(hsm.ErrNotAnswered), "not answered: the operator's login wraps a key"},
		{"refused", fmt.Errorf("%v did not wrap", token), "refused: did not wrap"},
	} {
		properties := untried()
		Rights(properties, token, c.proof)
		if got := outcomes(properties)[PropRights]; got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

// TestOnToken: a token in use keeps its keys and its anchor.
func TestOnToken(t *testing.T) {
	library, _ := shimmed(t)
	m := load(t, library)
	token := prepared(t, m)
	for _, c := range []struct {
		name   string
		soPIN  *secret.Bytes
		want   map[string]string
		guards string
		why    string
	}{
		{"with the SO", pin(softhsm.SOPIN), nil, "trust login", everything},
		{"without", nil, map[string]string{
			PropTrustedBySO: "not tried: needs an initialised token and its SO PIN",
			PropSession:     noTrusted,
			PropFrozen:      noTrusted,
			PropCopied:      noTrusted,
			PropForVault:    noTrusted,
			PropRestore:     noTrusted,
		}, "login", "not tried: " + PropTrustedBySO + ", " + PropSession + ", " + PropFrozen + ", " + PropCopied + ", " +
			PropForVault + ", " + PropRestore},
	} {
		t.Run(c.name, func(t *testing.T) {
			properties := must[[]Property](t)(OnToken(m, token, pin(softhsm.UserPIN), c.soPIN))
			want := soft(c.want)
			want[PropInitToken], want[PropLockout] = "not tried: on a throw-away token only", later
			if got := outcomes(properties); !maps.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			const wraps = "CKM_AES_KEY_WRAP_PAD, with up to seven zero bytes after the key"
			if got := properties[index(properties, PropKeyWrap)]; got.Detail != wraps {
				t.Errorf("%s: %s", got.Name, got.Detail)
			}
			if reached, why := guarded(properties); reached != c.guards || why != c.why {
				t.Errorf("guards %s, %s", reached, why)
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
		guards string
	}{
		{"accepted", 0, Property{PropTrustedBySO, NotEnforced, "a wrong SO PIN was accepted", false}, "login"},
		{
			"locked", pkcs11.CKR_PIN_LOCKED,
			Property{PropLockout, Enforced, "after 1 wrong tries the token says so", true}, "trust login",
		},
		{"refused", pkcs11.CKR_PIN_INCORRECT, Property{
			PropLockout, Refused, "three wrong SO PINs did not lock it: only the length of the SO PIN guards it", true,
		}, "trust login"},
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
			if reached, _ := guarded(properties); reached != c.guards {
				t.Errorf("guards %s", reached)
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
