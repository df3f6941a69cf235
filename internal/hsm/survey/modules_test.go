package survey

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/testkit/softhsm"
)

const (
	everything = "everything that it rests on was tried"
	noTrusted  = "not tried: needs trusted keys"
	later      = "not tried: on a throw-away token only, when everything else is enforced, and not where PINs are typed " +
		"on the device"
	notWrapped = "refused: C_WrapKey of byok-module-check-key with CKM_AES_KEY_WRAP_PAD: CKR_KEY_NOT_WRAPPABLE"
	noKeyWrap  = "refused: offers no AES key wrap with padding as in RFC 5649: CKM_AES_KEY_WRAP_KWP: not listed; " +
		"CKM_AES_KEY_WRAP_PAD: not listed"
	refusesKM = "refused: C_CreateObject of KM as a trusted key: CKR_ATTRIBUTE_TYPE_INVALID"
)

// module is SoftHSM with one promise broken, or with the habits of another library,
// and what the survey says of it.
type module struct {
	name     string
	switches map[string]string
	want     map[string]string // other than SoftHSM's
	guards   string            // those that are reached
	why      string            // what guard trust lacks, or everything
}

func quirks(words string) map[string]string { return map[string]string{"SHIM_QUIRKS": words} }

func weak(word string) map[string]string { return map[string]string{"SHIM_WEAK": word} }

func failing(call string, code uint) map[string]string {
	return map[string]string{"SHIM_AT": call + "+", "SHIM_DO": fmt.Sprintf("fail=0x%x", code)}
}

var promises = []module{
	{"as it is", nil, nil, "trust login", everything},
	{"the SO trusts afterwards", map[string]string{"SHIM_TRUST_LATER": "1"}, nil, "trust login", everything},
	{"the SO trusts what can be changed", map[string]string{"SHIM_TRUST_LATER": "modifiable"}, nil, "trust login", everything},
	{"one call", map[string]string{"SHIM_RSA_AES": "1"}, map[string]string{PropOneCall: ""}, "trust login", everything},
	{
		"the SO PIN locks", map[string]string{"SHIM_FLAGS": "0x200000"},
		map[string]string{PropLockout: ""}, "trust login", everything,
	},
	{
		"session objects outlive their session", quirks("sessions-stay"),
		map[string]string{
			PropSession: "not enforced: the KEK is there after the session that it was made in",
			PropLockout: later,
		},
		"login", "not enforced: " + PropSession,
	},
	{
		"trusted keys are copied as they are", map[string]string{"SHIM_WEAK": "modifiable", "SHIM_COPIES": "plain"},
		map[string]string{
			PropCopied:  "not enforced: KW can be copied to the session, where the copy is trusted as well and outlives it",
			PropCopy:    "not enforced: CKA_SIGN of the transfer copy can be set to true (does nothing but travel)",
			PropLockout: later,
		},
		"login", "not enforced: " + PropCopied,
	},
	{
		"WRAP_WITH_TRUSTED can be set later", quirks("wwt-later"),
		map[string]string{
			PropLater: "not enforced: WRAP_WITH_TRUSTED of a secret key can be set after any key could wrap it",
		},
		"trust login", everything,
	},
	{
		"any user trusts", quirks("usersettrust"),
		map[string]string{
			PropTrustedOnly: "not enforced: the user can make an AES key trusted with C_SetAttributeValue, as a session object",
			PropLockout:     later,
		},
		"login", "not enforced: " + PropTrustedOnly,
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
		"login", "not enforced: " + PropWrapTrusted,
	},
	{
		"any key can be concatenated", map[string]string{"SHIM_DERIVE": "0x360", "SHIM_DERIVE_RULE": "open"},
		map[string]string{
			PropDerive: "not enforced: byok-module-check-key can be revealed with CKM_CONCATENATE_BASE_AND_KEY, " +
				"as the base key",
			PropFrozen: "not enforced: KW can be revealed with CKM_CONCATENATE_BASE_AND_KEY, " +
				"as the other key",
			PropLockout: later,
		},
		"login", "not enforced: " + PropFrozen + ", " + PropDerive,
	},
	{"derives as it should", map[string]string{"SHIM_DERIVE": "0x360,0x362"}, nil, "trust login", everything},
	{
		"mechanisms that no probe knows", map[string]string{"SHIM_DERIVE": "0x80001234,0x393", "SHIM_WRAP": "0x80004321"},
		map[string]string{
			PropOtherDerive: "not known: listed and not tried: 0x80001234",
			PropOtherWrap:   "not known: listed and not tried: 0x121, 0x122, 0x125, 0x80004321",
		},
		"trust login", everything,
	},
	{
		"WRAP_WITH_TRUSTED is not shown", map[string]string{"SHIM_REPORT": "0x210=0"},
		map[string]string{
			PropTrustedBySO: "refused: shows CKA_WRAP_WITH_TRUSTED=false on the transfer key instead of true (only a key " +
				"that the quorum trusted wraps it)",
			PropForVault:    "not tried: " + noInner,
			PropRestore:     "not tried: " + noInner,
			PropWrapTrusted: "refused: " + shownWrap,
			PropDerive:      "refused: " + shownWrap,
			PropOneWay:      "refused: " + shownWrap,
			PropCopy:        "refused: " + shownWrap,
			PropLockout:     later,
		},
		"login", "refused: " + PropTrustedBySO + ", " + PropWrapTrusted + ", " +
			PropDerive + ", " + PropOneWay,
	},
	{
		"UNWRAP of trusted keys", weak("unwrap"),
		map[string]string{PropFrozen: "not enforced: KW unwraps what it has wrapped", PropLockout: later},
		"login", "not enforced: " + PropFrozen,
	},
	{
		"SENSITIVE", weak("sensitive"),
		map[string]string{
			PropFrozen:  "not enforced: the value of the transfer key can be read",
			PropOneWay:  "not enforced: the value of byok-module-check-key can be read",
			PropCopy:    "not enforced: the value of the transfer copy can be read",
			PropLockout: later,
		},
		"login", "not enforced: " + PropFrozen + ", " + PropOneWay,
	},
	{
		"SIGN of a copy", weak("sign"),
		map[string]string{PropCopy: "not enforced: the transfer copy signs although CKA_SIGN is false"},
		"trust login", everything,
	},
	{
		"no C_SetAttributeValue", failing("C_SetAttributeValue", pkcs11.CKR_FUNCTION_NOT_SUPPORTED),
		map[string]string{
			PropFrozen: "not answered: whether CKA_SENSITIVE of KW can be set to false (never in clear): " +
				"CKR_FUNCTION_NOT_SUPPORTED",
			PropLater: "not answered: whether WRAP_WITH_TRUSTED of a secret key can be set after any key could wrap it: " +
				"CKR_FUNCTION_NOT_SUPPORTED",
			PropOneWay: "not answered: whether CKA_SENSITIVE of byok-module-check-key can be set to false (never " +
				"in clear): CKR_FUNCTION_NOT_SUPPORTED",
			PropCopy: "not answered: whether CKA_SENSITIVE of the transfer copy can be set to false (never in " +
				"clear): CKR_FUNCTION_NOT_SUPPORTED",
			PropLockout: later,
		},
		"login", "not answered: " + PropFrozen + ", " + PropOneWay,
	},
	{
		"OAEP hash", map[string]string{"SHIM_WEAK": "sensitive", "SHIM_OAEP_HASH": "0x250"},
		map[string]string{
			PropForVault:   "not tried: " + noInner,
			PropRestore:    "not tried: " + noInner,
			PropLoginVault: "refused: " + otherHash,
			PropLoginBack:  "refused: " + otherHash,
			PropOneWay:     "not enforced: the value of byok-module-check-key can be read",
			PropCopy:       "not enforced: the value of the transfer copy can be read",
			PropKeyWrap:    "refused: " + otherHash,
			PropOAEP:       "refused: " + otherHash,
			PropLockout:    later,
		},
		"", "not enforced: " + PropOneWay + "; refused: " + PropKeyWrap + ", " + PropOAEP,
	},
	{
		"OAEP hash in one call", map[string]string{"SHIM_RSA_AES": "1", "SHIM_RSA_AES_HASH": "0x250"},
		map[string]string{
			PropOAEP:       "refused: does not use SHA-1 in CKM_RSA_AES_KEY_WRAP when asked to, which the vault needs",
			PropForVault:   "refused: did not wrap an AES-256 key with RSA-OAEP and SHA-1 in front",
			PropRestore:    "refused: did not wrap with RSA-OAEP and SHA-1 for the backup",
			PropLoginVault: "refused: did not wrap an AES-256 key with RSA-OAEP and SHA-1 in front",
			PropLoginBack:  "refused: did not wrap with RSA-OAEP and SHA-1 for the backup",
			PropOneCall:    "",
			PropLockout:    later,
		},
		"", "refused: " + PropOAEP + ", " + PropForVault + ", " + PropRestore,
	},
	{
		"no trusted keys", map[string]string{"SHIM_UNKNOWN": "0x86"},
		map[string]string{
			PropTrustedBySO: "refused: C_CreateObject of KM as a trusted key: CKR_ATTRIBUTE_TYPE_INVALID",
			PropTrustedOnly: "not answered: whether the user can make an AES key trusted with C_CreateObject, " +
				"as a session object: CKR_ATTRIBUTE_TYPE_INVALID",
			PropSession:  noTrusted,
			PropFrozen:   noTrusted,
			PropCopied:   noTrusted,
			PropForVault: noTrusted,
			PropRestore:  noTrusted,
			PropLockout:  later,
		},
		"login", "refused: " + PropTrustedBySO + "; not answered: " + PropTrustedOnly,
	},
}

const (
	shownWrap = "shows CKA_WRAP_WITH_TRUSTED=false on byok-module-check-key instead of true (only under a " +
		"key that a quorum has trusted)"
	otherHash = "does not use SHA-1 in RSA-OAEP when asked to, which the vault needs"
)

// TestModules: one promise broken at a time is seen, in its own row, and what a
// library only does in its own way is no reason to refuse it.
func TestModules(t *testing.T) {
	library, _ := shimmed(t)
	var seen, broken, accepted, kept int
	for _, c := range slices.Concat(promises, habits) {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", must[string](t)(softhsm.Configure(t.TempDir())))
			for variable, value := range c.switches {
				t.Setenv(variable, value)
			}
			properties := must[[]Property](t)(ThrowAway(load(t, library)))
			if got, want := outcomes(properties), soft(c.want); !maps.Equal(got, want) {
				t.Errorf("\n got %q\nwant %q", got, want)
			}
			reached, why := guarded(properties)
			if reached != c.guards || why != c.why {
				t.Errorf("guards\n got %s, %s\nwant %s, %s", reached, why, c.guards, c.why)
			}
			if trusts := "trust login"; c.guards == trusts {
				kept++
				accepted += count(reached == trusts)
			} else {
				broken++
				seen += count(reached != trusts)
			}
		})
	}
	t.Logf("guard trust: %d of %d modules that break a promise refused, %d of %d that keep them accepted",
		seen, broken, accepted, kept)
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// guarded names the guards that a module reaches whose processes are apart, and
// says why it reaches the first, or what it lacks.
func guarded(properties []Property) (reached, why string) {
	var names []string
	list := Guards(properties, Processes{Enforced, Enforced})
	for _, g := range list {
		if g.Outcome == Reached {
			names = append(names, string(g.Guard))
		}
	}
	return strings.Join(names, " "), list[0].Why
}
