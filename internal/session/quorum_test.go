package session_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/cards"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/kmdata"
	"byok/internal/locks"
	"byok/internal/pins"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

func TestBegin(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.Passphrases = []string{rig.Passphrase(2), rig.Passphrase(0)}
	rig.OK(t, r.QuorumOf([]string{r.Folders[2], r.Folders[0]}, func(s *session.Quorum) error {
		want := []statement.CardHolder{{Index: 1, Holder: "Ada"}, {Index: 3, Holder: "Cleo"}}
		if got := s.Cards(); !slices.Equal(got, want) {
			t.Errorf("cards %v", got)
		}
		if s.Set().Cards.Number != 1 || s.Secret() == nil || s.PIN().Text() != rig.UserPIN || s.UI() != session.UI(r.People) {
			t.Errorf("set %d", s.Set().Cards.Number)
		}
		if s.Former() != nil || s.HSM.Role() != hsm.RoleNone {
			t.Error("a session begins without earlier cards and without a role")
		}
		return nil
	}))
}

// TestBeginRefusesCards refuses, before anybody is called, cards that will not
// do.
func TestBeginRefusesCards(t *testing.T) {
	r := rig.NewWorld(t)
	s := connected(t, r)
	for _, c := range []struct {
		name    string
		folders []string
		text    string
		hint    string
	}{
		{"none", nil, "cards of set 1: 0 given, 2 needed", "give --card once for each of 2 cards"},
		{"K-1 cards", r.Folders[:1], "cards of set 1: 1 given, 2 needed", "give --card once for each of 2 cards"},
		{"no such folder", []string{r.Folders[0], "/none"}, "/none: no such folder", "insert and mount the medium for this card"},
	} {
		r.People.Said = nil
		r.Refused(t, begin(r, s, c.folders), exitcode.Refused, c.text, c.hint)
		if len(r.People.Said) > 0 {
			t.Errorf("%s: somebody was called: %q", c.name, r.People.Said)
		}
	}
	r.Refused(t, begin(r, s, []string{r.Folders[0], r.Folders[0]}), exitcode.Refused,
		"CARD1: card 1 (Ada) is inside again", "insert another card of the set")
	blank := t.TempDir()
	r.Refused(t, begin(r, s, []string{r.Folders[0], blank}), exitcode.Refused,
		blank+": blank card, no byok-card.age in it", "insert the medium with the card, or name the folder the card is in")
	r.People.Passphrases[1] = "wrong"
	r.Refused(t, begin(r, s, r.Folders[:2]), exitcode.Refused, "CARD2: wrong passphrase",
		"type the passphrase of this card's holder again; if it is certainly right, the card is damaged: "+
			"use another card of the set, then byok-offline world replace-cards")
}

// TestBeginWithoutTheUser is for a PIN that is forgotten: nobody logs in.
func TestBeginWithoutTheUser(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.PIN = "forgotten"
	a := r.Access()
	a.WithoutUser = true
	s, err := session.Begin(a, connected(t, r), cards.Folders(r.Folders[:2]))
	rig.OK(t, err)
	defer s.Close()
	if s.PIN().Len() != 0 {
		t.Error("a PIN was asked for")
	}
	s.SetPIN(rig.Secret("another"))
	if s.PIN().Text() != "another" {
		t.Errorf("PIN %q", s.PIN().Text())
	}
}

// TestBeginRefusesPIN spends one try, after saying that it may be the last, and
// calls no card holder.
func TestBeginRefusesPIN(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.PIN = "wrong pin"
	t.Setenv("SHIM_FLAGS", fmt.Sprint(pkcs11.CKF_USER_PIN_FINAL_TRY))
	r.People.Passphrases = nil
	r.Refused(t, begin(r, connected(t, r), r.Folders[:2]), exitcode.HSM,
		`wrong user PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT); one try is left before the token locks it`, "")
	r.Heard(t, r.People.Warned, `token "test world" (serial SERIAL) reports that one try of the user PIN is left: a wrong one locks it`)
}

// TestCardsOfOthers are refused by what they carry, not by what the folder says.
func TestCardsOfOthers(t *testing.T) {
	r := rig.NewWorld(t)
	other := rig.New(t, 3) // on a token of its own, of the same label
	_, err := world.Create(other.Creation(2))
	rig.OK(t, err)
	back := rig.NewWorld(t)
	back.Dir = r.Dir
	err = back.QuorumOf(other.Folders[:2], nothing)
	back.Refused(t, err, exitcode.Refused,
		"card 1 (Ada) belongs to a different security world than DIR (hknso HKNSO, not HKNSO)",
		"name that world's folder with --kmdata, or use a card of this world")
	mixed := []string{back.Folders[0], other.Folders[1]}
	err = back.QuorumOf(mixed, nothing)
	if exitcode.Of(err) != exitcode.Refused || !strings.Contains(err.Error(), "belongs to the world of hknso") {
		t.Errorf("%v", err)
	}
}

// TestOneSession keeps a second one from the folder, and from the token by way
// of another copy of the folder.
func TestOneSession(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(func(*session.Quorum) error {
		r.Refused(t, begin(r, connected(t, r), r.Folders[:2]), exitcode.Refused,
			"DIR/local/.quorum-session is in use by a quorum session", "wait until it has ended, then run the command again")
		other := *r
		other.Dir = copied(t, r.Dir)
		other.Refused(t, begin(&other, connected(t, &other), r.Folders[:2]), exitcode.Refused,
			"TOKEN.lock is in use by a quorum session", "wait until it has ended, then run the command again")
		return nil
	}))
	s := connected(t, r)
	rig.OK(t, begin(r, s, r.Folders[:2])) // both locks are free again
	rig.OK(t, os.RemoveAll(kmdata.Local(r.Dir)))
	if err := begin(r, s, r.Folders[:2]); err == nil {
		t.Error("a session began without a folder")
	}
}

// TestContinuedMeanwhile refuses a chain that has grown since it was read.
func TestContinuedMeanwhile(t *testing.T) {
	r := rig.NewWorld(t)
	chain := r.Chain(t)
	rig.OK(t, r.Quorum(seal))
	s, err := session.Connect(chain, r.Library, hsm.TokenName{}, r.People)
	rig.OK(t, err)
	defer s.Close()
	r.Refused(t, begin(r, s, r.Folders[:2]), exitcode.Refused,
		"DIR: another session has signed statement 3 (seal) in the meantime", "run the same command again")
}

// TestTidies sweeps what an interrupted run left of the files.
func TestTidies(t *testing.T) {
	r := rig.NewWorld(t)
	lone := filepath.Join(kmdata.StatementsDir(r.Dir), "000003-seal.sig")
	rig.OK(t, os.WriteFile(lone, []byte("lone"), 0o600))
	rig.OK(t, r.Quorum(nothing))
	if _, err := os.Stat(lone); err == nil {
		t.Error("a signature without its statement is still there")
	}
}

// TestLocks names what stands in the way.
func TestLocks(t *testing.T) {
	r := rig.NewWorld(t)
	s := connected(t, r)
	release, err := locks.Hold(r.Dir, s.Module.Library, s.Token)
	rig.OK(t, err)
	_, err = locks.Hold(r.Dir, s.Module.Library, s.Token)
	var held durable.InUse
	if !errors.As(err, &held) || held.By != "a quorum session" {
		t.Errorf("%v", err)
	}
	release()
	release, err = locks.Hold(r.Dir, s.Module.Library, s.Token)
	rig.OK(t, err)
	release()
}

// TestRecognisesModule: a token with the same serial number and another KML is
// another module, and so is one that carries only KML's public half.
func TestRecognisesModule(t *testing.T) {
	r := rig.NewWorld(t)
	label := statement.KMLLabel(r.Chain(t).Modules()[0].Module)
	both := func(code exitcode.Code, text, hint string) {
		t.Helper()
		r.Refused(t, r.Quorum(nothing), code, text, hint)
		r.Refused(t, r.Operator(func(*session.Operator) error { return nil }), code, text, hint)
	}
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Relabel(label, "hidden") })
	both(exitcode.HSM, `byok-kml-MODULE is not on the token "test world" (serial SERIAL)`, "")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Pair(label, 7) })
	both(exitcode.Check, "SoftHSM project SoftHSM v2, serial SERIAL: the token's KML is not the one that statement 2 certifies",
		"connect the module that the statement names; byok-offline world info shows them")
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		public := a.One(label, pkcs11.CKO_PUBLIC_KEY)
		rig.OK(t, a.DestroyObject(a.Handle, public))
		genuine := a.One("hidden", pkcs11.CKO_PUBLIC_KEY)
		_, err := a.CopyObject(a.Handle, genuine, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte{7}),
		})
		rig.OK(t, err)
	})
	both(exitcode.Check, `byok-kml-MODULE on token "test world" (serial SERIAL) is not the key that its public key describes`, "")
}

// TestRoles logs in as who is asked for, and out again.
func TestRoles(t *testing.T) {
	r := rig.NewWorld(t)
	broken := errors.New("broken")
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		for _, c := range []struct {
			as   func(func() error) error
			role hsm.Role
		}{{s.AsUser, hsm.RoleUser}, {s.AsSO, hsm.RoleSO}} {
			err := c.as(func() error {
				if s.HSM.Role() != c.role {
					t.Errorf("role %v", s.HSM.Role())
				}
				return broken
			})
			if !errors.Is(err, broken) || s.HSM.Role() != hsm.RoleNone {
				t.Errorf("%v; role %v", err, s.HSM.Role())
			}
		}
		wrong := secret.Take([]byte("wrong"))
		err := s.As(hsm.RoleSO, wrong, func() error { t.Error("a wrong PIN logs in"); return nil })
		r.Refused(t, err, exitcode.HSM, `wrong SO PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT); `+
			"the token counts wrong PINs and will lock it after a few more", "")
		return nil
	}))
}

// TestSOPINChanged behind the cards: it is said, whoever may know it now.
func TestSOPINChanged(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		held, err := s.PINOf(pins.SO, s.Module)
		rig.OK(t, err)
		defer held.Wipe()
		other := rig.Secret("another SO PIN")
		rig.OK(t, s.As(hsm.RoleSO, held, func() error { return s.HSM.ChangePIN(held, other) }))
		r.Refused(t, s.AsSO(func() error { t.Error("a wrong PIN logs in"); return nil }), exitcode.HSM,
			`the SO PIN of token "test world" (serial SERIAL) is not the one from the cards, and somebody else may know it: `+
				`wrong SO PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT); `+
				"the token counts wrong PINs and will lock it after a few more",
			"byok-offline world recover puts the world on a token whose SO PIN the cards set; keep kmdata for the auditor")
		return nil
	}))
}

// TestPadAppears: a token whose PINs are typed on the device since is refused
// before anyone is called: no person knows the PIN that the cards hold.
func TestPadAppears(t *testing.T) {
	const text = "the PINs of the token in slot SLOT are typed on the device, and guard %s has the cards hold one"
	const hint = "set the HSM up for PINs that a program gives, without its PIN pad or PED"
	for guard, prepared := range map[string]func(testing.TB) *rig.Rig{"trust": rig.NewWorld, "login": rig.NewLoginWorld} {
		t.Run(guard, func(t *testing.T) {
			r := prepared(t)
			r.People.Passphrases = nil
			t.Setenv("SHIM_PIN_PAD", "1")
			slot := regexp.MustCompile("slot [0-9]+")
			refused := func(err error) {
				t.Helper()
				if err == nil || slot.ReplaceAllString(err.Error(), "slot SLOT") != fmt.Sprintf(text, guard) ||
					exitcode.Of(err) != exitcode.Refused || exitcode.HintOf(err) != hint {
					t.Errorf("%v (status %d), hint %s", err, exitcode.Of(err), exitcode.HintOf(err))
				}
			}
			refused(begin(r, connected(t, r), r.Folders[:2]))
			if guard == "login" {
				refused(r.Operator(func(*session.Operator) error { return nil }))
			}
		})
	}
}

// TestKMLSigns as the operator and in a session.
func TestKMLSigns(t *testing.T) {
	r := rig.NewWorld(t)
	label := statement.KMLLabel(r.Chain(t).Modules()[0].Module)
	rig.OK(t, r.Quorum(func(s *session.Quorum) error {
		return s.AsUser(func() error {
			if _, err := s.KML().Sign([]byte("text")); err != nil {
				return err
			}
			if _, err := s.HSM.DestroyLabelled(label); err != nil {
				return err
			}
			_, err := s.KML().Sign([]byte("text"))
			r.Refused(t, err, exitcode.HSM, `byok-kml-MODULE is not on the token "test world" (serial SERIAL)`, "")
			return nil
		})
	}))
}
