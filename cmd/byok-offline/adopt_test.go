package main

import (
	"crypto/aes"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
)

const (
	wordsAdopt = " --adopt --so-pin-file secrets/so"
	dealtCards = " --card card1 --card-pin-file secrets/card1 --card card2 --card-pin-file secrets/card2" +
		" --card card3 --card-pin-file secrets/card3 --module-path SHIM"
	thenCreate = "world create" + dealing + dealtCards
)

// officer is what is on a token before it is adopted, put there by whoever was
// its security officer, or its user.
type officer func(a *attacker, t *testing.T)

// TestAdopt: an adopted token holds no trusted key and nothing that the world
// did not make. Where it is refused, no statement is signed, and the token is as
// it was; a module that enforces nothing shows only once the SO has logged in.
func TestAdopt(t *testing.T) {
	for name, c := range map[string]struct {
		so, user officer
		then     string
		env      string
		want     string
	}{
		"nothing on it": {then: thenCreate + wordsAdopt, want: "0: adopted"},
		"a trusted AES key": {so: foreignAES(true), then: thenCreate + wordsAdopt,
			want: `6: token "stage" (serial …) is not empty: trusted secret key "left behind"`},
		"a trusted RSA key": {so: foreignRSA, then: thenCreate + wordsAdopt,
			want: `6: token "stage" (serial …) is not empty: trusted public key "left behind"`},
		"an AES key that is not trusted": {so: foreignAES(false), then: thenCreate + wordsAdopt,
			want: `6: token "stage" (serial …) is not empty: secret key "left behind"`},
		"a private key": {user: foreignPrivate, then: thenCreate + wordsAdopt,
			want: `6: token "stage" (serial …) is not empty: private key "left behind"`},
		"a data object": {user: foreignData, then: thenCreate + wordsAdopt,
			want: `6: token "stage" (serial …) is not empty: data object "left behind"`},
		"a certificate": {user: foreignCertificate, then: thenCreate + wordsAdopt,
			want: "0: adopted"},
		"a module that lets the user trust": {then: thenCreate + wordsAdopt, env: "BYOK_SHIM_WEAK=trusted",
			want: `4: the user makes no trusted key: token "stage" (serial …) does not enforce its restrictions: the ` +
				`user can make an AES key trusted with C_CreateObject, as a session object`},
		"a wrong SO PIN": {then: thenCreate + " --adopt --so-pin-file secrets/newpin",
			want: `4: wrong SO PIN for token "stage" (serial …) (CKR_PIN_INCORRECT); the token counts wrong PINs and ` +
				`will lock it after a few more`},
		"nobody to ask for the SO PIN": {then: thenCreate + " --adopt",
			want: `2: cannot ask for the present SO PIN of token "stage" (serial …): /dev/tty cannot be opened and ` +
				`standard input is not a terminal`},
		"a wrong user PIN": {user: nothingOfUser,
			want: `4: wrong user PIN for token "stage" (serial …) (CKR_PIN_INCORRECT); the token counts wrong PINs and ` +
				`will lock it after a few more`,
			then: strings.Replace(thenCreate, "secrets/pin", "secrets/newpin", 1) + wordsAdopt},
		"no token of the label": {then: strings.Replace(thenCreate, "--label stage", "--label other",
			1) + wordsAdopt, want: `2: there is no initialised token labelled "other"`},
		"without --adopt": {then: thenCreate,
			want: `6: label "stage" is taken by an initialised token (serial …)`},
		"--adopt and --initialize": {then: thenCreate + wordsAdopt + " --initialize",
			want: "2: --adopt keeps a token as it is and --initialize destroys what is on it: give only one"},
		"--so-pin-file alone": {then: thenCreate + " --so-pin-file secrets/so",
			want: "2: --so-pin-file is for --adopt and --initialize: a free token's SO PIN is derived from the cards"},
		"--initialize, with nobody to type": {then: thenCreate + " --initialize --so-pin-file secrets/so",
			want: "6: not confirmed: /dev/tty cannot be opened and standard input is not a terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			s := inState(t, "")
			s.prepared(t, c.so, c.user)
			objects := s.labels(t)
			out := s.patiently(t, c.then, c.env)
			if got := s.answers(out, c.want); got != c.want {
				t.Errorf("got %s\nwant %s\n%s", got, c.want, out.text)
			}
			if out.status == exitcode.Done {
				s.must(t, "world check"+withPINs)
				return
			}
			if signed := mustDo(filepath.Glob(s.path("kmdata/local/world*")))(t); len(signed) > 0 {
				t.Errorf("refused, and signed: %q", signed)
			}
			if now := s.labels(t); c.env == "" && !slices.Equal(now, objects) {
				t.Errorf("on the token: %q, was %q", now, objects)
			}
		})
	}
}

// prepared initialises the token with a vendor's tool: an SO PIN of its own,
// and a user PIN where a user has worked on it.
func (s *stage) prepared(t *testing.T, so, user officer) {
	t.Helper()
	s.foreignToken(t)
	s.asOfficer(t, "so-"+stagePIN, func(a *attacker) {
		if user != nil {
			a.must(t, a.p.InitPIN(a.h, stagePIN))
		}
		if so != nil {
			so(a, t)
		}
		if user != nil {
			a.must(t, a.p.Logout(a.h))
			a.must(t, a.p.Login(a.h, pkcs11.CKU_USER, stagePIN))
			user(a, t)
		}
	})
}

// asOfficer logs in as security officer.
func (s *stage) asOfficer(t testing.TB, pin string, work func(*attacker)) {
	t.Helper()
	s.onToken(t, func(p *pkcs11.Ctx) {
		a := newAttacker(t, s, p)
		a.findTokens(t)
		a.h = mustDo(p.OpenSession(a.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))(t)
		a.must(t, p.Login(a.h, pkcs11.CKU_SO, pin))
		work(a)
	})
}

// labels lists what anybody sees on the token.
func (s *stage) labels(t testing.TB) (list []string) {
	t.Helper()
	s.onToken(t, func(p *pkcs11.Ctx) {
		a := &attacker{s: s, p: p}
		a.findTokens(t)
		a.h = mustDo(p.OpenSession(a.slot, pkcs11.CKF_SERIAL_SESSION))(t)
		for _, o := range a.found(t, attr(pkcs11.CKA_TOKEN, true)) {
			list = append(list, string(a.value(t, o, pkcs11.CKA_LABEL)))
		}
	})
	slices.Sort(list)
	return list
}

func foreignAES(trusted bool) officer {
	return func(a *attacker, t *testing.T) {
		_, err := a.p.CreateObject(a.h, append(a.material(pkcs11.CKO_SECRET_KEY, pkcs11.CKK_AES),
			attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_SECRET_KEY)), attr(pkcs11.CKA_KEY_TYPE, uint(pkcs11.CKK_AES)),
			attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, false), attr(pkcs11.CKA_LABEL, "left behind"),
			attr(pkcs11.CKA_TRUSTED, trusted), attr(pkcs11.CKA_WRAP, true)))
		a.must(t, err)
	}
}

func foreignRSA(a *attacker, t *testing.T) {
	_, err := a.p.CreateObject(a.h, append(a.material(pkcs11.CKO_PUBLIC_KEY, pkcs11.CKK_RSA),
		attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_PUBLIC_KEY)), attr(pkcs11.CKA_KEY_TYPE, uint(pkcs11.CKK_RSA)),
		attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, false), attr(pkcs11.CKA_LABEL, "left behind"),
		attr(pkcs11.CKA_TRUSTED, true), attr(pkcs11.CKA_WRAP, true)))
	a.must(t, err)
}

func foreignPrivate(a *attacker, t *testing.T) {
	a.keep(t, "left behind", []byte{1}, pkcs11.CKO_PRIVATE_KEY)
}

func foreignData(a *attacker, t *testing.T) {
	_, err := a.p.CreateObject(a.h, []*pkcs11.Attribute{
		attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_DATA)), attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, false),
		attr(pkcs11.CKA_LABEL, "left behind"), attr(pkcs11.CKA_VALUE, []byte("data")),
	})
	a.must(t, err)
}

func foreignCertificate(a *attacker, t *testing.T) {
	_, err := a.p.CreateObject(a.h, []*pkcs11.Attribute{
		attr(pkcs11.CKA_CLASS, uint(pkcs11.CKO_CERTIFICATE)), attr(pkcs11.CKA_CERTIFICATE_TYPE, uint(pkcs11.CKC_X_509)),
		attr(pkcs11.CKA_TOKEN, true), attr(pkcs11.CKA_PRIVATE, false), attr(pkcs11.CKA_LABEL, "left behind"),
		attr(pkcs11.CKA_SUBJECT, []byte{0x30, 0}), attr(pkcs11.CKA_VALUE, []byte{0x30, 0}),
	})
	a.must(t, err)
}

func nothingOfUser(*attacker, *testing.T) {}

// TestAdoptedOfficer: whoever knew the SO PIN before is not the security
// officer any more. Before the adoption the same login works.
func TestAdoptedOfficer(t *testing.T) {
	before := inState(t, "")
	before.prepared(t, nil, nil)
	before.asOfficer(t, "so-"+stagePIN, func(*attacker) {})
	inState(t, adopted).besiege(t, func(a *attacker) {
		a.outside(t, a.slot, func(h pkcs11.SessionHandle) {
			if err := a.p.Login(h, pkcs11.CKU_SO, "so-"+stagePIN); codeOf(err) != "CKR_PIN_INCORRECT" {
				t.Errorf("the former SO PIN: %s", codeOf(err))
			}
		})
	})
}

// TestAdoptedControl: with a trusted key of known value on the token, the user
// PIN alone would open every key. That is what adoption refuses.
func TestAdoptedControl(t *testing.T) {
	s := inState(t, "")
	s.prepared(t, foreignAES(true), func(a *attacker, t *testing.T) {
		public, secret := a.secretKey(t, a.h)
		known := a.found(t, attr(pkcs11.CKA_LABEL, "left behind"))[0]
		blob := mustDo(a.p.WrapKey(a.h, rfc5649(), known, secret))(t)
		block := mustDo(aes.NewCipher(knownValue()))(t)
		opened := mustDo(unwrapped(blob, func(in []byte) ([]byte, error) {
			out := make([]byte, len(in))
			block.Decrypt(out, in)
			return out, nil
		}))(t)
		if key := mustDo(parsePKCS8(opened))(t); key.X.Cmp(public) != 0 {
			t.Error("the attack opens another key: it proves nothing")
		}
	})
}
