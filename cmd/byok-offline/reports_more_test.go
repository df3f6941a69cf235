package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/confine"
)

// pinLives is F5: a PIN that is wrong, locked, expired, not set or to be changed.
func pinLives() []habit {
	const wrong = "4: wrong user PIN for " + theStage + " (CKR_PIN_INCORRECT); "
	const next = " --pin-file secrets/newpin"
	miss := func(want, shows string) reportStep {
		return reportStep{line: aloneBy + next, want: wrong + want, shows: shows}
	}
	refused := func(variant, code, name, hint string) habit {
		return habit{"F5", variant, created, nil, "", []reportStep{{
			line: thenAlone, want: "4: C_Login as user on " + theStage + ": " + name, shows: "hint: " + hint,
			shim: "AT=C_Login DO=fail=" + code,
		}}}
	}
	return []habit{
		{"F5", "locked, and set again by the quorum", created, nil, "TRIES=$TRIES", []reportStep{
			miss("the token counts wrong PINs and will lock it after a few more", ""),
			miss("one try is left before the token locks it", ""),
			done(theList, "user PIN: one try is left"),
			miss("the token has locked this PIN", "reports that one try of the user PIN is left: a wrong one locks it"),
			fails(thenAlone, "4: the user PIN of "+theStage+" is locked (CKR_PIN_LOCKED)", resetHint),
			fails(thenMake, "4: the user PIN of "+theStage+" is locked (CKR_PIN_LOCKED)", resetHint),
			done(theList, "user PIN: locked"),
			done("world reset-pin --new-pin-file secrets/newpin"+bothCards, ""),
			done("world check"+next, ""),
			done("world change-pin --new-pin-file secrets/pin"+next, ""),
			done(thenMake, ""),
		}},
		{"F5", "locked by the last try of a change", created, nil, "TRIES=$TRIES", []reportStep{
			miss("…", ""), miss("…", ""),
			{line: "world change-pin --new-pin-file secrets/pin" + next, want: wrong + "the token has locked this PIN",
				shows: "reports that one try of the user PIN is left: a wrong one locks it"},
		}},
		{"F5", "expired, and changed by the operator", created, nil, "", []reportStep{
			{line: thenAlone, want: "4: C_Login as user on " + theStage + ": CKR_PIN_EXPIRED",
				shows: "byok-offline: hint: byok-offline world change-pin", shim: "AT=C_Login DO=fail=0xA3"},
			{line: "world change-pin --new-pin-file secrets/newpin" + withPINs, want: "0", shim: "AT=C_Login DO=fail=0xA3"},
			done("world check"+next, ""),
		}},
		refused("not set", "0x102", "CKR_USER_PIN_NOT_INITIALIZED", resetHint),
		refused("another is logged in", "0x104", "CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
			"end the other program that is logged in to the token, then run the same command again"),
		refused("the device is gone", "0x32", "CKR_DEVICE_REMOVED",
			"connect the HSM again, then run the same command again; or "+confine.NetworkHint),
		{"F5", "to be changed once it was set", "", nil, "STALE_PIN=1", []reportStep{
			done(thenCreate, ""), done(thenMake, ""), done("world reset-pin --new-pin-file secrets/newpin"+bothCards, ""),
			done("world check"+next, ""),
		}},
		{"F5", "of a length that the token does not take", created, func(t *testing.T, s *stage) {
			mustWrite(t, s.path("secrets/long"), []byte(strings.Repeat("l", 300)+"\n"))
		}, "", []reportStep{
			{line: "world change-pin --new-pin-file secrets/long" + withPINs, want: "2: a user PIN of 300 bytes: …"},
		}},
		{"F5", "lengths that are nonsense", "", nil, "PIN_LENGTHS=8-4", []reportStep{done(thenCreate, ""), done(thenAlone, "")}},
	}
}

// sockets is F6: what the kernel refuses is not blamed on the HSM. A library that
// needs the socket goes wrong in a way of its own.
func sockets() (list []habit) {
	const failed = "4: PKCS#11 library LIBRARY could not be initialised: CKR_GENERAL_ERROR"
	const ended = "4: the process that runs the HSM's library ended unexpectedly: "
	for _, family := range []string{"inet", "inet6", "netlink", "recvmsg"} {
		for _, c := range []struct{ does, shim, line, want string }{
			{"does not start", "AT=C_Initialize DO=fail=0x5", theList, failed},
			{"ends", "AT=C_Initialize DO=exit", theList, ended + "exit status 0"},
			{"crashes", "AT=C_GetSlotList DO=crash", theList, ended + "SIGSEGV: segmentation violation"},
			{"lists nothing", "AT=C_GetSlotList+ DO=fail=0x30", theList, "4: C_GetSlotList of LIBRARY: CKR_DEVICE_ERROR"},
			{"shows no slot", "NO_SLOTS=1", theList, "4: no slot of LIBRARY holds a token"},
			{"has dead slots", "AT=C_GetTokenInfo+ DO=fail=0x6", theList, "0"},
			{"finds no token", "AT=C_GetTokenInfo+ DO=fail=0x6", thenCheck, "4: no module of this world is in LIBRARY; …"},
			{"opens no session", "AT=C_OpenSession+ DO=fail=0x5", thenAlone,
				"4: C_OpenSession on " + theStage + ": CKR_GENERAL_ERROR"},
			{"lets no one in", "AT=C_Login+ DO=fail=0x80000044", thenSeal,
				"4: C_Login as user on " + theStage + ": return code 0x…"},
		} {
			if (family == "inet6" || family == "recvmsg") && c.line != theList {
				continue // as the others
			}
			list = append(list, habit{"F6", family + ", " + c.does, created, nil, "IF_REFUSED=" + family + " " + c.shim, []reportStep{
				{line: c.line, want: c.want, shows: confine.NetworkHint + "\n"},
				done(c.line+" --hsm-network", ""),
			}})
		}
	}
	return append(list,
		habit{"F6", "unix, which is let through", created, nil, "IF_REFUSED=unix AT=C_Initialize DO=fail=0x5",
			[]reportStep{done(theList, ""), done(thenCheck, "")}},
		habit{"F6", "a new world", "", nil, "IF_REFUSED=netlink NO_SLOTS=1",
			[]reportStep{{line: thenCreate, want: "4: no token in LIBRARY", shows: confine.NetworkHint}}},
		habit{"F6", "module check", "", nil, "IF_REFUSED=inet AT=C_Initialize DO=fail=0x5",
			[]reportStep{{line: "module check --module-path SHIM", want: failed, shows: confine.NetworkHint}}},
	)
}

// pinPads is F7: where PINs are typed on the device none is asked for or given.
func pinPads() []habit {
	const pad = "PIN_PAD=1 PAD_USER=secrets/pin"
	const typed = "enter the user PIN on the device when it asks"
	const held = "6: the PINs of the token in slot … are typed on the device, and guard trust has the cards hold one"
	return []habit{
		{"F7", "typed", created, nil, pad, []reportStep{
			done(aloneBy, typed), done("world check", typed), done("world change-pin", "enter the new user PIN on the device"),
			done(theList, "PINs are typed on the device"),
		}},
		{"F7", "cancelled", created, nil, "PIN_PAD=1", []reportStep{
			{line: aloneBy, want: "4: C_Login as user on " + theStage + ": CKR_FUNCTION_CANCELED", shows: typed},
		}},
		{"F7", "where the cards hold a PIN", created, nil, pad, []reportStep{
			{line: "key generate --ident new --type EC" + bothCards, want: held},
			{line: "world reset-pin" + bothCards, want: held},
		}},
		{"F7", "a new world", "", nil, pad, []reportStep{
			{line: strings.ReplaceAll(thenCreate, withPINs, ""), want: strings.Replace(held, "…", "0", 1)}, done(theList, "free"),
		}},
	}
}

// exponents is F8: every wish is read back.
func exponents() []habit {
	const line = "key generate --ident rsa --type RSA --pubexp %s --without-quorum" + withPINs
	return []habit{
		{"F8", "ignored", created, nil, "EXPONENT=65537", []reportStep{
			fails(fmt.Sprintf(line, "3"), "4: the module made key_simple_rsa with public exponent 65537, and 3 was asked for",
				"nothing was kept; leave --pubexp out for 65537, which every module and vault takes"),
			done(fmt.Sprintf(line, "65537"), ""), done(thenCheck, ""),
		}},
		{"F8", "ignored in a quorum session", created, nil, "EXPONENT=65537", []reportStep{
			{line: "key generate --ident rsa --type RSA --pubexp 3" + theQuorum,
				want: "4: the module made key_simple_rsa with public exponent 65537, and 3 was asked for"},
			done(thenCheck, ""),
		}},
		{"F8", "kept", created, nil, "", []reportStep{done(fmt.Sprintf(line, "3"), ""), done(thenCheck, "")}},
	}
}

// oneLabel is F16: of two tokens of one label each can be named.
func oneLabel() []habit {
	twice := func(t *testing.T, s *stage) {
		s.foreignToken(t)
		s.onToken(t, func(p *pkcs11.Ctx) {
			slots := mustDo(p.GetSlotList(true))(t)
			if err := p.InitToken(slots[len(slots)-1], "so-"+stagePIN, stageLabel); err != nil {
				t.Fatal(err)
			}
		})
	}
	adopts := thenCreate + wordsAdopt
	return []habit{
		{"F16", "not named", "", twice, "", []reportStep{
			{line: adopts, want: "4: 2 tokens labelled \"stage\" in LIBRARY: one cannot be distinguished from the other",
				shows: "hint: name one by its slot: slot:"},
			{line: strings.Replace(adopts, wordsAdopt, "", 1), want: `6: label "stage" is taken by an initialised token (serial …, …)`},
		}},
		{"F16", "by serial number", "", twice, "", []reportStep{done(adopts+" --token $SERIAL", ""), done(thenCheck, "")}},
		{"F16", "by slot", "", twice, "", []reportStep{done(adopts+" --token slot:$SLOT", ""), done(thenCheck, "")}},
		{"F16", "by URI", "", twice, "", []reportStep{
			done(adopts+" --token pkcs11:token=stage;serial=$SERIAL", ""), done(thenCheck, "")}},
	}
}

// printing is F17: standard output is the program's own.
func printing() (list []habit) {
	for text, shown := range map[string]string{
		"[vendor]~log~enabled": "[vendor] log enabled", "\x1b[2J{}": `\x1b[2J{}`, "{\"command\":\"x\"}": `{"command":"x"}`,
	} {
		list = append(list, habit{"F17", fmt.Sprintf("%q", text), created, nil, "PRINTS=" + text, []reportStep{
			{line: theList + " --output json", want: "0", shows: "byok-offline: warning: the HSM's library printed: " + shown},
		}})
	}
	return list
}

// serials is F23: serial numbers that are empty, blank, padded, or the same for
// several tokens.
func serials() (list []habit) {
	works := []reportStep{
		done(thenCreate, ""), done(thenMake, ""), done(thenCheck, ""), done(thenCheck+" --token label:stage", ""),
		done(thenCheck+" --token slot:$SLOT", ""), done(thenCheck+" --token pkcs11:token=stage", ""),
	}
	for _, c := range []struct{ variant, shim, uri, info string }{
		{"none", "SERIAL=none", "pkcs11:serial=", `label "stage", without a serial`},
		{"blanks", "SERIAL=~~~~", "pkcs11:token=stage;serial=", `label "stage", without a serial`},
		{"NULs alone", "SERIAL=none NUL_PADDED=1", "pkcs11:token=stage;serial=", `label "stage", without a serial`},
		{"padded with NULs", "SERIAL=ABC NUL_PADDED=1", "pkcs11:serial=ABC", "serial ABC"},
		{"blanks in front", "SERIAL=~~ABC", "pkcs11:serial=ABC", "serial   ABC"},
		{"of full length", "SERIAL=0123456789ABCDEF", "0123456789ABCDEF", "serial 0123456789ABCDEF"},
	} {
		list = append(list, habit{"F23", c.variant, "", configured(c.shim), "",
			append(works[:len(works):len(works)], done(thenCheck+" --token "+c.uri, ""), done("world info", c.info))})
	}
	second := "world create --acs-quorum 1/1 --rehearsal --holder Dan --label second" + withPINs + flagsOf("", "card4") +
		" --module-path SHIM --kmdata second"
	return append(list, habit{"F23", "the same for two tokens", "", configured("SERIAL=7"), "", []reportStep{
		done(thenCreate, ""), done(second, ""),
		{line: thenCheck, want: "4: 2 modules of this world are in LIBRARY at once: …", shows: "--token slot:"},
		done(thenCheck+" --token label:stage", ""), done(thenAlone+" --token label:stage", ""),
		{line: thenCheck + " --token label:second", want: "4: byok-kml-… is not on the token \"second\" (serial 7)"},
		{line: thenCheck + " --token 7", want: "4: 2 modules of this world are in LIBRARY at once: …"},
		done(thenCheck+" --kmdata second --token label:second", ""),
	}})
}

// initialising is about C_Initialize, sessions and logins as libraries limit them.
func initialising() (list []habit) {
	for _, code := range []string{"0xA", "0x9", "0x7"} {
		list = append(list, habit{"C_Initialize", "locking refused with " + code, "", configured("LOCKING=" + code), "",
			[]reportStep{done(thenCreate, ""), done(thenAlone, ""), done(thenNext, "")}})
	}
	return append(list,
		habit{"C_Initialize", "once in a process", "", configured("ONE_INIT=1"), "", []reportStep{
			done(thenCreate, ""), done(thenAlone, ""), done(thenNext, ""), done(thenCheck, ""), done("ceremony seal"+withPINs, ""),
		}},
		habit{"C_Initialize", "once in a process, and not known", created, nil, "ONE_INIT=1", []reportStep{
			fails(thenAlone, "4: C_Initialize of LIBRARY after C_Finalize: CKR_FUNCTION_FAILED",
				"byok-offline module accept --module-path LIBRARY --card DIR … records that this library refuses it\n"),
		}},
		habit{"C_Initialize", "again while it is initialised", created, nil, "INIT_TWICE=0x5",
			[]reportStep{done(thenAlone, ""), done(thenNext, "")}},
		habit{"sessions", "one at a time", created, nil, "SESSIONS=1", []reportStep{done(thenAlone, ""), done(thenNext, "")}},
		habit{"sessions", "one at a time, and a new world", "", configured("SESSIONS=1"), "", []reportStep{
			done(thenCreate, ""), done(thenAlone, ""), done(thenNext, ""), done(thenCheck, "")}},
		habit{"sessions", "two at a time", created, nil, "SESSIONS=2", []reportStep{done(thenAlone, ""), done(thenNext, "")}},
		habit{"PIN texts", "a user's name and a password", "", typed("crypto_user:pass word"), "", pinWorks()},
		habit{"PIN texts", "a key's number and a password", "", typed("0001password"), "", pinWorks()},
	)
}

func pinWorks() []reportStep { return []reportStep{done(thenCreate, ""), done(thenMake, "")} }

// typed sets the user PIN that is in the stage's file.
func typed(pin string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) { mustWrite(t, s.path("secrets/pin"), []byte(pin+"\n")) }
}

// configured gives the stage a shim of its own, which has its switches from a
// file: they reach the second process as well.
func configured(switches string) func(*testing.T, *stage) {
	return func(t *testing.T, s *stage) {
		shim := mustDo(os.ReadFile(s.library))(t)
		s.library = s.path("shim.so")
		mustWrite(t, s.library, shim)
		conf := ""
		for _, word := range strings.Fields(switches) {
			conf += "SHIM_" + strings.ReplaceAll(word, "~", " ") + "\n"
		}
		mustWrite(t, s.library+".conf", []byte(conf))
	}
}

// tokenURIs are values of --token, most of which name nothing.
func tokenURIs() (list []habit) {
	for _, c := range []struct{ text, why string }{
		{"pkcs11:", "it is empty: expected token, manufacturer, model, serial or slot-id"},
		{"pkcs11:tokn=stage", `"tokn" does not name a token: expected token, manufacturer, model, serial or slot-id`},
		{"pkcs11:token=stage;object=k", `"object" does not name a token: expected token, manufacturer, model, serial or slot-id`},
		{"pkcs11:token=stage;token=stage", "token is given twice"},
		{"pkcs11:token=stage;serial=1;token=%73tage", "token is given twice"},
		{"pkcs11:token=st%zzage", "token: a % is not followed by two hex digits"},
		{"pkcs11:token=%ff", "token is not UTF-8 text"},
		{"pkcs11:token=stage?pin-value=1234", "what follows the ? is not accepted: a PIN is typed or comes from --pin-file, " +
			"and the library from --module-path"},
		{"pkcs11:slot-id=first", "slot-id is not a number"},
	} {
		list = append(list, habit{"URI", c.text, created, nil, "", []reportStep{
			fails(thenAlone+" --token "+c.text, "2: PKCS#11 URI: "+c.why, refusesAll),
		}})
	}
	for _, text := range []string{"pkcs11:token=%73%74age", "PKCS11:model=SoftHSM%20v2;token=stage", "pkcs11:slot-id=$SLOT"} {
		list = append(list, habit{"URI", text, created, nil, "", []reportStep{done(thenAlone+" --token "+text, "")}})
	}
	return append(list, habit{"URI", "of no token", created, nil, "", []reportStep{
		{line: thenAlone + " --token pkcs11:token=other", want: "4: no module of this world, token pkcs11:token=other, is in LIBRARY"},
		{line: theList + " --token pkcs11:token=other", want: "4: no token pkcs11:token=other in LIBRARY",
			shows: "shows every token; or " + confine.NetworkHint},
	}})
}
