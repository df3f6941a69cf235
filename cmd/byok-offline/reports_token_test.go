package main

import (
	"testing"

	"github.com/miekg/pkcs11"
)

// behindOurBack is what somebody did to the token since.
func behindOurBack() (list []habit) {
	list = []habit{
		{"behind our back", "the user PIN is another", created, changedUserPIN, "", []reportStep{
			{line: thenMake, want: "4: wrong user PIN for " + theStage + " (CKR_PIN_INCORRECT); …"},
			done("world reset-pin --new-pin-file secrets/pin"+bothCards, ""), done(thenMake, ""),
		}},
		{"behind our back", "another token of the label", created, replacedToken, "", []reportStep{
			{line: thenAlone, want: "4: no module of this world is in LIBRARY"},
			{line: thenMake, want: "4: no module of this world is in LIBRARY"},
		}},
	}
	for variant, serial := range map[string]string{"and serial number": "7", "without a serial number": "none"} {
		list = append(list, habit{"behind our back", "another token of the label, " + variant, "",
			configured("SERIAL=" + serial), "", []reportStep{
				done(thenCreate, ""),
				{first: replacedToken, line: thenAlone, want: "4: byok-kml-… is not on the token \"stage\" …"},
				{line: thenMake, want: "4: byok-kml-… is not on the token \"stage\" …"},
			}})
	}
	return list
}

// replacedToken puts another token in the place of the world's, with its label and
// user PIN.
func replacedToken(t *testing.T, s *stage) {
	s.blankToken(t)
	s.foreignToken(t)
	s.asOfficer(t, "so-"+stagePIN, func(a *attacker) { a.must(t, a.p.InitPIN(a.h, stagePIN)) })
}

// changedUserPIN changes the user PIN.
func changedUserPIN(t *testing.T, s *stage) {
	s.onToken(t, func(p *pkcs11.Ctx) {
		slots := mustDo(p.GetSlotList(true))(t)
		h := mustDo(p.OpenSession(slots[0], pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))(t)
		for _, err := range []error{p.Login(h, pkcs11.CKU_USER, stagePIN), p.SetPIN(h, stagePIN, "next-"+stagePIN)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// unreachedGuards are guards that somebody asks for by name and that the module
// does not reach: no weaker one is taken.
func unreachedGuards() []habit {
	made := func(t *testing.T, s *stage) {
		s.foreignToken(t)
		s.asOfficer(t, "so-"+stagePIN, func(a *attacker) { a.must(t, a.p.InitPIN(a.h, stagePIN)) })
	}
	const notReached = "the module does not reach guard trust, which was asked for; byok-offline module check shows the guards " +
		"that it reaches"
	guard := func(name, variant, shim string, prepare func(*testing.T, *stage), want, hint string) habit {
		return habit{"guard", name + ", " + variant, "", prepare, shim,
			[]reportStep{
				fails(thenCreate+" --officer-wait 1s --guard "+name, want, hint), done(theList, "")}}
	}
	return []habit{
		guard("trust", "where no one can trust", "PROFILE=luna", nil,
			"4: C_CreateObject of KM as a trusted key: CKR_ATTRIBUTE_TYPE_INVALID", notReached),
		guard("trust", "where the user can trust", "WEAK=trusted", nil, "4: the user makes no trusted key: …", notReached),
		guard("trust-by-tool", "in two steps", "", made,
			"6: guard trust-by-tool needs CKM_RSA_AES_KEY_WRAP, which "+theStage+" does not offer",
			"byok-offline module check shows which guard the module reaches"),
		guard("trust-by-tool", "without a token", "RSA_AES=1", nil, `2: there is no initialised token labelled "stage"`,
			"byok-offline module list shows the tokens; name one with --label"),
		guard("trust-by-tool", "where no officer comes", "RSA_AES=1", made, "6: byok-km-…-1 was not trusted within 1s",
			"have the crypto officer do what was shown, then run the same command again"),
		guard("login-shared", "on a free token", "", nil, `2: there is no initialised token labelled "stage"`,
			"byok-offline module list shows the tokens; name one with --label"),
		guard("trust-shared", "which is not asked for", "", nil,
			"2: --guard trust-shared: expected one of [trust trust-by-tool login login-shared]", ""),
		guard("trusted", "which is none", "", nil,
			"2: world create: --guard trusted: expected trust, trust-shared, trust-by-tool, login or login-shared",
			"byok-offline world create --guard trust"),
	}
}
