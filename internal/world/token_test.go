package world_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

const oldSOPIN = "so-pin-of-the-maker"

// maker initialises a token with the vendor's tool, as it were, and puts things
// on it.
func maker(t *testing.T, r *rig.Rig, userPIN string, as uint, fill func(a *rig.Attacker)) {
	t.Helper()
	p := pkcs11.New(r.Library)
	defer p.Destroy()
	rig.OK(t, p.Initialize())
	defer func() { _ = p.Finalize() }()
	slots, err := p.GetSlotList(true)
	rig.OK(t, err)
	rig.OK(t, p.InitToken(slots[len(slots)-1], oldSOPIN, r.Label))
	r.AttackAsSO(t, r.Label, oldSOPIN, func(a *rig.Attacker) {
		if userPIN != "" {
			rig.OK(t, a.InitPIN(a.Handle, userPIN))
		}
		if as == pkcs11.CKU_SO && fill != nil {
			fill(a)
		}
	})
	if as == pkcs11.CKU_USER && fill != nil {
		r.Attack(t, r.Label, userPIN, fill)
	}
}

// adoption asks for a world on the initialised token.
func adoption(r *rig.Rig) world.Creation {
	o := r.Creation(len(r.Folders))
	o.Choice = world.TokenChoice{
		Adopt: true,
		SOPIN: func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(oldSOPIN), nil },
	}
	return o
}

// TestAdoptByName: of two initialised tokens of one label, and of two free ones, the
// one that is named is taken.
func TestAdoptByName(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	m, err := hsm.Load(r.Library)
	rig.OK(t, err)
	free, err := m.Free()
	rig.OK(t, err)
	second, err := m.Initialise(free, rig.Secret("another SO PIN"), r.Label)
	rig.OK(t, err)
	both, err := m.Labelled(r.Label)
	rig.OK(t, err)
	m.Close()
	if len(both) != 2 {
		t.Fatalf("%+v", both)
	}
	named := func(text string) world.Creation {
		o := adoption(r)
		o.Token, err = hsm.ParseTokenName(text)
		rig.OK(t, err)
		return o
	}
	for _, c := range []struct {
		name  string
		order world.Creation
		code  exitcode.Code
		want  string
		hint  string
	}{
		{"no such token", named("0123"), exitcode.HSM, "no token with serial 0123 in LIBRARY",
			"connect the HSM that holds this security world, then byok-offline module list --module-path LIBRARY"},
		{"a free one", named("pkcs11:serial="), exitcode.Usage, "the token pkcs11:serial= is not initialised",
			"initialise it with the vendor's tool, or leave --adopt out"},
		{"an initialised one for a free one", func() world.Creation {
			o := named(second.Serial)
			o.Choice, o.Label = world.TokenChoice{}, "third"
			return o
		}(), exitcode.Refused, `token "test world" (serial SERIAL) is initialised, and a free token is needed`,
			"byok-offline module list --module-path LIBRARY shows the free ones"},
	} {
		_, err := world.Create(c.order)
		r.Refused(t, err, c.code, c.want, c.hint)
	}
	first := both[0]
	if first.Serial == second.Serial {
		first = both[1]
	}
	chain, err := world.Create(named("pkcs11:token=test%20world;serial=" + first.Serial))
	rig.OK(t, err)
	if got := chain.Modules()[0].Token.Serial; got != first.Serial {
		t.Errorf("took %s, not %s", got, first.Serial)
	}
}

func TestAdopt(t *testing.T) {
	for _, c := range []struct {
		name    string
		userPIN string
	}{{"with a user PIN", rig.UserPIN}, {"without one", ""}} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 1)
			maker(t, r, c.userPIN, pkcs11.CKU_SO, certificate)
			chain, err := world.Create(adoption(r))
			rig.OK(t, err)
			m := chain.Modules()[0]
			if m.Guard != "trust-shared" || chain.World().Guard != m.Guard || m.SOPIN.Sealed != "" || len(m.Others) != 1 || m.Others[0] != `certificate "root"` {
				t.Errorf("%s %q", m.Guard, m.Others)
			}
			r.Heard(t, r.People.Warned, `token "test world" (serial SERIAL) adopted; its SO PIN comes from the cards now, `+
				"but a login with the old one may still be open: end every other session on the HSM, or restart it; guard trust-shared")
			r.Finds(t, "other objects", "pass: none")
			r.Whole(t)
			rig.OK(t, r.QuorumOf(r.Folders, func(s *session.Quorum) error { return seal(world.Quorum{Quorum: s}) }))
			r.Attack(t, r.Label, "", func(a *rig.Attacker) {
				if a.Login(a.Handle, pkcs11.CKU_SO, oldSOPIN) == nil {
					t.Error("the maker's SO PIN still logs in")
				}
			})
		})
	}
}

// certificate puts a certificate on the token, which a statement lists.
func certificate(a *rig.Attacker) {
	_, err := a.CreateObject(a.Handle, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_LABEL, "root"),
		pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509), pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, []byte("root")),
		pkcs11.NewAttribute(pkcs11.CKA_VALUE, []byte("certificate")),
	})
	rig.OK(a, err)
}

// TestAttackAdoptedTokenNotEmpty: whatever could hold or wrap a key keeps a
// token from being adopted. That is known before a card is dealt.
func TestAttackAdoptedTokenNotEmpty(t *testing.T) {
	for _, c := range []struct {
		name string
		as   uint
		fill func(a *rig.Attacker)
		what string
	}{
		{"trusted AES key", pkcs11.CKU_SO, func(a *rig.Attacker) {
			a.Secret("evil", make([]byte, 32), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
		}, `trusted secret key "evil"`},
		{"trusted key that calls itself an anchor", pkcs11.CKU_SO, func(a *rig.Attacker) {
			a.Secret("byok-anchor-000001-"+strings.Repeat("0", 64), make([]byte, 32), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
		}, `trusted secret key "byok-anchor-000001-SHA256"`},
		{"AES key", pkcs11.CKU_USER, func(a *rig.Attacker) { a.Secret("known", make([]byte, 32)) }, `secret key "known"`},
		{"private AES key", pkcs11.CKU_USER, func(a *rig.Attacker) {
			a.Secret("hidden", make([]byte, 32), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true))
		}, ""},
		{"data object", pkcs11.CKU_USER, func(a *rig.Attacker) { a.Data("note") }, `data object "note"`},
		{"key pair", pkcs11.CKU_USER, func(a *rig.Attacker) { a.Pair("pair", 1) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 1)
			maker(t, r, rig.UserPIN, c.as, c.fill)
			_, err := world.Create(adoption(r))
			if c.what != "" {
				r.Refused(t, err, exitcode.Refused, `token "test world" (serial SERIAL) is not empty: `+c.what,
					"remove these objects with the vendor's tool, or use --initialize to destroy everything on the token")
			} else if exitcode.Of(err) != exitcode.Refused || !strings.Contains(err.Error(), "is not empty: ") {
				t.Errorf("%v", err)
			}
			if kmdata.Exists(r.Dir) {
				t.Error("a world was made")
			}
			if dealt := dealtCards(t, r); len(dealt) != 0 {
				t.Errorf("cards were dealt: %q", dealt)
			}
		})
	}
}

// dealtCards lists what is on the cards' media.
func dealtCards(t *testing.T, r *rig.Rig) (files []string) {
	t.Helper()
	for _, folder := range r.Folders {
		found, err := filepath.Glob(filepath.Join(folder, "*"))
		rig.OK(t, err)
		files = append(files, found...)
	}
	return files
}

// TestAdoptAsksOnce: the SO PIN serves for the look at the token before the
// cards are dealt, and for taking it.
func TestAdoptAsksOnce(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	o, asked := adoption(r), 0
	ask := o.Choice.SOPIN
	o.Choice.SOPIN = func(token hsm.Token) (*secret.Bytes, error) {
		asked++
		return ask(token)
	}
	_, err := world.Create(o)
	rig.OK(t, err)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestAdoptShared: a token that does not let its SO PIN be changed keeps it,
// sealed under the cards, and its guard says so.
func TestAdoptShared(t *testing.T) {
	r := rig.New(t, 3)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	t.Setenv("SHIM_DO", "fail=0x54")
	t.Setenv("SHIM_AT", "C_SetPIN+")
	o := adoption(r)
	o.Quorum.K = 2
	chain, err := world.Create(o)
	rig.OK(t, err)
	m := chain.Modules()[0]
	if m.Guard != statement.GuardTrustShared || chain.World().Guard != statement.GuardTrustShared || m.SOPIN.Sealed == "" || m.SOPIN.Bits != 0 {
		t.Errorf("%s %+v", m.Guard, m.SOPIN)
	}
	r.Heard(t, r.People.Warned, `token "test world" (serial SERIAL) keeps its SO PIN: `+
		"everyone who ever knew it can still log in as SO; guard trust-shared")
	r.Whole(t)
	rig.OK(t, quorum(r, seal))
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	if m := r.Chain(t).Modules()[0]; m.Guard != statement.GuardTrustShared || m.SOPIN.Sealed == "" || m.CardSet != 2 {
		t.Errorf("%s %+v", m.Guard, m.SOPIN)
	}
	rig.OK(t, quorum(r, seal))
	r.Whole(t)
}

// TestAdoptWrongPIN asks again in the next run.
func TestAdoptWrongPIN(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	o := adoption(r)
	o.Choice.SOPIN = func(hsm.Token) (*secret.Bytes, error) { return rig.Secret("wrong pin"), nil }
	_, err := world.Create(o)
	if exitcode.Of(err) != exitcode.HSM || !strings.Contains(err.Error(), "wrong SO PIN") {
		t.Errorf("%v", err)
	}
	_, err = world.Create(adoption(r))
	rig.OK(t, err)
	r.Whole(t)
}

// TestInitialiseAgain destroys what is on a token, once that was confirmed.
func TestInitialiseAgain(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_USER, func(a *rig.Attacker) { a.Secret("known", make([]byte, 32)) })
	no := errors.New("not confirmed")
	o := r.Creation(1)
	confirm := no
	o.Choice = world.TokenChoice{
		Initialize: true,
		SOPIN:      func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(oldSOPIN), nil },
		Confirm:    func(hsm.Token) error { return confirm },
	}
	if _, err := world.Create(o); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	confirm = nil
	sopin := o.Choice.SOPIN
	o.Choice.SOPIN = func(hsm.Token) (*secret.Bytes, error) { return nil, no }
	if _, err := world.Create(o); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	o.Choice.SOPIN = sopin
	_, err := world.Create(o)
	rig.OK(t, err)
	r.Whole(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		if len(a.Find("known")) > 0 {
			t.Error("the token was not emptied")
		}
	})
}

// TestAttackSecondWorldOnToken: a token of one world takes no second one, also
// where somebody knows its SO PIN.
func TestAttackSecondWorldOnToken(t *testing.T) {
	r := rig.NewWorld(t)
	var pin string
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		so, err := s.Present(pins.SO)
		rig.OK(t, err)
		defer so.Wipe()
		pin = strings.Clone(so.Text())
		return nil
	}))
	other := *r
	other.Dir = t.TempDir()
	other.NewCards(t, 1)
	other.Holders = other.Holders[:1]
	o := adoption(&other)
	o.Choice.SOPIN = func(hsm.Token) (*secret.Bytes, error) { return rig.Secret(pin), nil }
	_, err := world.Create(o)
	if exitcode.Of(err) != exitcode.Refused || !strings.Contains(err.Error(), `trusted public key "byok-km-`) {
		t.Errorf("%v", err)
	}
	r.Whole(t)
}
