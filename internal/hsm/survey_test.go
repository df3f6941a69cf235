package hsm

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/secret"
)

// standings are the properties that did not turn out enforced, with their details.
func standings(properties []Property) map[string]string {
	all := map[string]string{}
	for _, p := range properties {
		if p.Standing != Enforced {
			all[p.Name] = string(p.Standing) + ": " + p.Detail
		}
	}
	return all
}

// softStandings are SoftHSM's.
func softStandings() map[string]string {
	return map[string]string{
		PropOneCall: "missing: not offered: the two-step form is used, which gives the same blob",
		PropLockout: "missing: three wrong SO PINs did not lock it: the SO PIN's 160 bits guard it alone",
	}
}

const held = "everything that the ceremony needs was tried and held"

// TestSurveySeesWhatIsWanting breaks one promise of the module at a time. want
// is what differs from SoftHSM's standings; an empty text is enforced.
func TestSurveySeesWhatIsWanting(t *testing.T) {
	const notTrustedKeys, later = "not tried: needs trusted keys", "not tried: on a throw-away token only, and when nothing else is wanting"
	weak := func(word string) map[string]string { return map[string]string{"SHIM_WEAK": word} }
	failing := func(call string, code uint) map[string]string {
		return map[string]string{"SHIM_AT": call + "+", "SHIM_DO": fmt.Sprintf("fail=0x%x", code)}
	}
	library, _ := shimmed(t)
	noCopy := "missing: C_CopyObject of byok-module-check-key to byok-module-check-copy: CKR_FUNCTION_NOT_SUPPORTED"
	for name, c := range map[string]struct {
		switches map[string]string
		want     map[string]string
		verdict  Verdict
		why      string
	}{
		"nothing":          {nil, nil, Full, held},
		"one call":         {map[string]string{"SHIM_RSA_AES": "1"}, map[string]string{PropOneCall: ""}, Full, held},
		"the token locks":  {map[string]string{"SHIM_FLAGS": "0x200000"}, map[string]string{PropLockout: ""}, Full, held},
		"the token locked": {map[string]string{"SHIM_FLAGS": "0x400000"}, map[string]string{PropLockout: ""}, Full, held},
		"any user trusts":  {weak("trusted"), map[string]string{PropTrustedOnly: "not enforced: the operator could make a trusted wrapping key without the quorum", PropLockout: later}, Unusable, "not enforced: " + PropTrustedOnly},
		"WRAP_WITH_TRUSTED": {weak("wrap-with-trusted"), map[string]string{
			PropWrapTrusted: "not enforced: byok-module-check-key could be wrapped under an AES key that nobody trusted",
			PropFrozen:      "not enforced: byok-module-check-transfer could be wrapped under an AES key that nobody trusted",
			PropCopy:        "not enforced: byok-module-check-copy could be wrapped under an AES key that nobody trusted", PropLockout: later,
		}, Unusable, "not enforced: " + PropFrozen + ", " + PropWrapTrusted + ", " + PropCopy},
		"SENSITIVE": {weak("sensitive"), map[string]string{
			PropFrozen: "not enforced: the value of byok-module-check-transfer could be read",
			PropOneWay: "not enforced: the value of byok-module-check-key could be read",
			PropCopy:   "not enforced: the value of byok-module-check-copy could be read", PropLockout: later,
		}, Unusable, "not enforced: " + PropFrozen + ", " + PropOneWay + ", " + PropCopy},
		"UNWRAP of trusted keys": {weak("unwrap"), map[string]string{PropFrozen: "not enforced: byok-module-check-km unwrapped a blob although CKA_UNWRAP is false", PropLockout: later},
			Unusable, "not enforced: " + PropFrozen},
		"SIGN of a copy": {weak("sign"), map[string]string{PropCopy: "not enforced: byok-module-check-copy signs although CKA_SIGN is false"}, Weaker, weaker},
		"no copy":        {failing("C_CopyObject", pkcs11.CKR_FUNCTION_NOT_SUPPORTED), map[string]string{PropCopy: noCopy, PropForVault: noCopy}, Weaker, weaker},
		"OAEP hash": {map[string]string{"SHIM_OAEP_HASH": "0x250"}, map[string]string{PropOAEP: "missing: does not use SHA-1 in RSA-OAEP when asked to, which the vault needs", PropLockout: later},
			Unusable, "missing: " + PropOAEP},
		"OAEP hash in one call": {map[string]string{"SHIM_RSA_AES": "1", "SHIM_RSA_AES_HASH": "0x250"}, map[string]string{
			PropOAEP:     "missing: does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs",
			PropForVault: "missing: did not wrap an AES-256 key with RSA-OAEP and SHA-1 in front", PropOneCall: "", PropLockout: later}, Unusable, "missing: " + PropOAEP + ", " + PropForVault},
		"no RFC 5649": {map[string]string{"SHIM_HIDE_MECHANISMS": "0x210A,0x210B"}, map[string]string{
			PropMechanisms: "missing: the token in slot %d does not offer CKM_AES_KEY_WRAP_KWP or CKM_AES_KEY_WRAP_PAD, which the ceremony needs",
			PropFrozen:     "missing: " + noWrap, PropWrapTrusted: "missing: " + noWrap, PropCopy: "missing: " + noWrap, PropKeyWrap: "missing: " + noWrap, PropForVault: "missing: " + noWrap, PropLockout: later,
		}, Unusable, "missing: " + PropMechanisms + ", " + PropFrozen + ", " + PropWrapTrusted + ", " + PropCopy + ", " + PropKeyWrap + ", " + PropForVault},
		"no trusted keys": {failing("C_CreateObject", pkcs11.CKR_ATTRIBUTE_READ_ONLY), map[string]string{
			PropTrustedBySO: "missing: C_CreateObject of the module key byok-module-check-km as a trusted key: CKR_ATTRIBUTE_READ_ONLY; C_CreateObject of the KEK byok-module-check-kek as a trusted key: CKR_ATTRIBUTE_READ_ONLY",
			PropTrustedOnly: noProbe, PropFrozen: notTrustedKeys, PropForVault: notTrustedKeys, PropWrapTrusted: noWrapProbe, PropCopy: noWrapProbe, PropKeyWrap: noWrapProbe, PropOAEP: noRSAProbe, PropLockout: later,
		}, Unusable, "missing: " + PropTrustedBySO + ", " + PropTrustedOnly + ", " + PropWrapTrusted + ", " + PropCopy + ", " + PropKeyWrap + ", " + PropOAEP},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			for variable, value := range c.switches {
				t.Setenv(variable, value)
			}
			m := load(t, library)
			slot := must[Token](t)(m.Free()).Slot
			properties := must[[]Property](t)(m.Survey())
			want := softStandings()
			maps.Copy(want, c.want)
			maps.DeleteFunc(want, func(_, detail string) bool { return detail == "" })
			if name == "no RFC 5649" {
				want[PropMechanisms] = fmt.Sprintf(want[PropMechanisms], slot)
			}
			if got := standings(properties); !maps.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			if verdict, why := Judge(properties); verdict != c.verdict || why != c.why {
				t.Errorf("%s: %s", verdict, why)
			}
		})
	}
}

const (
	weaker = "it would need a flag to transfer keys without a reduced copy, which this release has not: " +
		"whoever holds the user PIN could use a key while it waits to be transferred"
	noWrap      = "has no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: CKR_MECHANISM_INVALID; CKM_AES_KEY_WRAP_PAD: CKR_MECHANISM_INVALID"
	noProbe     = "missing: C_CreateObject of a session key to probe with: CKR_ATTRIBUTE_READ_ONLY"
	noWrapProbe = "missing: has no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: C_CreateObject of a session key to probe with: CKR_ATTRIBUTE_READ_ONLY; " +
		"CKM_AES_KEY_WRAP_PAD: C_CreateObject of a session key to probe with: CKR_ATTRIBUTE_READ_ONLY"
	noRSAProbe = "missing: C_CreateObject of a session RSA key to probe with: CKR_ATTRIBUTE_READ_ONLY"
)

// TestSurveyLeavesNothing: the throw-away token is empty afterwards, and used
// again; what an interrupted check has left on a named token goes too.
func TestSurveyLeavesNothing(t *testing.T) {
	m := load(t, softhsm.New(t))
	for range 2 {
		if got, want := standings(must[[]Property](t)(m.Survey())), softStandings(); !maps.Equal(got, want) {
			t.Errorf("%q", got)
		}
	}
	left := must[[]Token](t)(m.Labelled(CheckLabel))
	if len(left) != 1 {
		t.Fatalf("left: %+v", left)
	}
	labels := func(work func(*User) error) []string {
		u := must[*User](t)(m.User(left[0], pin(CheckLabel)))
		defer u.Close()
		if err := work(u); err != nil {
			t.Fatal(err)
		}
		return must[[]string](t)(u.Labels())
	}
	if got := labels(func(*User) error { return nil }); len(got) != 0 {
		t.Errorf("left on the token: %q", got)
	}
	aes := KeySpec{Type: "AES", Bits: 128}
	labels(func(u *User) error { return errors.Join(u.GenerateKey(testKey, aes), u.GenerateKey("kept", aes)) })
	must[[]Property](t)(m.SurveyToken(left[0], pin(CheckLabel), nil))
	if got := labels(func(*User) error { return nil }); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("left on the token: %q", got)
	}
}

func TestSurveyToken(t *testing.T) {
	m, token := world(t)
	const later, note = "not tried: on a throw-away token only", "everything that was tried held; not tried: "
	for name, c := range map[string]struct {
		soPIN *secret.Bytes
		want  map[string]string
		why   string
	}{
		"with the SO": {pin(soPIN), nil, note + PropInitToken},
		"without": {nil, map[string]string{
			PropTrustedBySO: "not tried: needs an initialised token and its SO PIN", PropFrozen: "not tried: needs trusted keys", PropForVault: "not tried: needs trusted keys",
		}, note + PropInitToken + ", " + PropTrustedBySO + ", " + PropFrozen + ", " + PropForVault},
	} {
		t.Run(name, func(t *testing.T) {
			properties := must[[]Property](t)(m.SurveyToken(token, pin(userPIN), c.soPIN))
			want := softStandings()
			want[PropInitToken], want[PropLockout] = later, later+", and when nothing else is wanting"
			maps.Copy(want, c.want)
			if got := standings(properties); !maps.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			if verdict, why := Judge(properties); verdict != Full || why != c.why {
				t.Errorf("%s: %s", verdict, why)
			}
		})
	}
	for who, c := range map[string]struct{ user, so string }{"SO": {userPIN, "wrong"}, "user": {"wrong", soPIN}} {
		_, err := m.SurveyToken(token, pin(c.user), pin(c.so))
		expect(t, err, failure{fmt.Sprintf("wrong %s PIN for %v (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more", who, token), exitcode.HSM, ""})
	}
	if labels := must[[]string](t)(asUser(t, m, token).Labels()); !slices.Equal(labels, []string{"km"}) {
		t.Errorf("left on the token: %q", labels)
	}
}

// TestSurveyOfTheSOPIN has the first wrong SO PIN answered as it should not be,
// or with the news that it is locked.
func TestSurveyOfTheSOPIN(t *testing.T) {
	library, log := shimmed(t)
	m := load(t, library)
	must[[]Property](t)(m.Survey())
	m.Close()
	first := fmt.Sprintf("C_Login#%d", count(shim.Calls(t, log), "C_Login")-3) // three wrong ones, and the right one
	for answer, c := range map[string]struct {
		want    Property
		verdict Verdict
	}{
		"0x0":  {Property{PropTrustedBySO, NotEnforced, "a wrong SO PIN was taken", false}, Unusable},
		"0xa4": {Property{PropLockout, Enforced, "after 1 wrong tries the token says so", true}, Full},
		"0xa0": {Property{PropLockout, Missing, "three wrong SO PINs did not lock it: the SO PIN's 160 bits guard it alone", true}, Full},
	} {
		t.Run(answer, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			m := must[*Module](t)(Load(library)) // the count of C_Login begins after this
			defer m.Close()
			t.Setenv("SHIM_DO", "fail="+answer) // no "=" in the test's name: SoftHSM reads its path
			t.Setenv("SHIM_AT", first)
			properties := must[[]Property](t)(m.Survey())
			if !slices.Contains(properties, c.want) {
				t.Errorf("%+v", properties)
			}
			if verdict, why := Judge(properties); verdict != c.verdict {
				t.Errorf("%s: %s", verdict, why)
			}
		})
	}
}

// TestSurveyOfALostModule: what does not answer has not been judged.
func TestSurveyOfALostModule(t *testing.T) {
	library, _ := shimmed(t)
	for call, want := range map[string]string{
		"C_GetSlotList":   "C_GetSlotList of " + library + ": CKR_DEVICE_REMOVED",
		"C_InitToken":     "C_InitToken on slot 0 for \"byok-module-check\": CKR_DEVICE_REMOVED",
		"C_DestroyObject": "C_DestroyObject of byok-module-check-key: CKR_DEVICE_REMOVED",
	} {
		t.Run(call, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			t.Setenv("SHIM_DO", fmt.Sprintf("fail=0x%x", pkcs11.CKR_DEVICE_REMOVED))
			t.Setenv("SHIM_AT", call+"+")
			m := must[*Module](t)(Load(library))
			_, err := m.Survey()
			m.Close()
			expect(t, err, failure{want, exitcode.HSM, ""})
		})
	}
}

func TestJudge(t *testing.T) {
	set := func(p []Property, standing Standing, names ...string) []Property {
		for i := range p {
			if len(names) == 0 || slices.Contains(names, p[i].Name) {
				p[i].Standing = standing
			}
		}
		return p
	}
	all := func() []Property { return set(untried(), Enforced) }
	for name, c := range map[string]struct {
		properties []Property
		verdict    Verdict
		refusal    string
	}{
		"all":             {all(), Full, ""},
		"optional":        {set(all(), Missing, PropOneCall, PropLockout), Full, ""},
		"no copy":         {set(all(), Missing, PropCopy), Weaker, "this module is weaker: " + weaker},
		"wide copy":       {set(all(), NotEnforced, PropCopy), Weaker, "this module is weaker: " + weaker},
		"no package":      {set(all(), Missing, PropForVault), Unusable, "this module is unusable: missing: " + PropForVault},
		"copy and others": {set(set(all(), NotEnforced, PropCopy), Missing, PropOAEP), Unusable, "this module is unusable: not enforced: " + PropCopy + "; missing: " + PropOAEP},
	} {
		verdict, why := Judge(c.properties)
		if verdict != c.verdict {
			t.Errorf("%s: %s (%s)", name, verdict, why)
		}
		if err := verdict.Refuse(why); c.refusal != "" {
			expect(t, err, failure{c.refusal, exitcode.HSM, ""})
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
