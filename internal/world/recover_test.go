package world_test

import (
	"errors"
	"slices"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// lost unplugs every token, as if each were lost, and has the people know what
// they wrote down.
func lost(t testing.TB, r *rig.Rig) {
	t.Helper()
	for _, name := range r.Plugged(t) {
		r.Unplug(t, name)
	}
	r.People.Paper = r.Paper(t)
}

// TestRecover brings world and keys back onto an empty token.
func TestRecover(t *testing.T) {
	r := rig.NewKeyWorld(t)
	old := r.Chain(t).Modules()[0]
	lost(t, r)
	chain, err := world.Recover(r.Recovery(r.Label))
	rig.OK(t, err)
	modules := chain.Modules()
	if len(modules) != 2 || modules[1].Module == old.Module || modules[1].Guard != "trust" || modules[1].KML == old.KML {
		t.Fatalf("%+v", modules)
	}
	r.Finds(t, "key_simple_first", "pass: another module of the world has it")
	rig.OK(t, quorum(r, func(s world.Quorum) error { return s.StrikeOff(old.Module, "the HSM burnt") }))
	r.Finds(t, "key_simple_first", `FAIL: key_simple_first is not on the token "test world" (serial SERIAL)`)
	rig.OK(t, restore(r, "first"))
	r.Finds(t, "key_simple_first", "pass: P-256; origin quorum: generated with the card holders present (restored)")
	r.Whole(t)
}

func TestRecoverRefused(t *testing.T) {
	no := errors.New("no")
	for _, c := range []struct {
		name   string
		change func(r *rig.Rig, o *world.Recovery)
		code   exitcode.Code
		text   string
		hint   string
	}{
		{"no world", func(r *rig.Rig, o *world.Recovery) { o.Dir = "/none" }, exitcode.Usage,
			"/none/local/world: there is no security world", "byok-offline world create, or name its folder with --kmdata"},
		{"K-1 cards", func(_ *rig.Rig, o *world.Recovery) { o.Media = o.Media[:1] }, exitcode.Refused,
			"cards of set 1: 1 given, 2 needed", "give --card once for each of 2 cards"},
		{"no label", func(_ *rig.Rig, o *world.Recovery) { o.Label = "" }, exitcode.Usage,
			`label "": expected 1 to 32 bytes of text`, ""},
		{"no library", func(_ *rig.Rig, o *world.Recovery) { o.Library = "/none.so" }, exitcode.Usage,
			"PKCS#11 library /none.so: no such file or directory",
			"give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so"},
		{"a label that is taken", func(r *rig.Rig, o *world.Recovery) { o.Label = r.Label }, exitcode.Refused,
			`label "test world" is taken by an initialised token (serial SERIAL)`, "choose another one with --label"},
		{"library not accepted", func(r *rig.Rig, _ *world.Recovery) {
			r.People.Accept = func(session.LibraryChange) error { return no }
		}, exitcode.Failed, "no", ""},
		{"serial not read", func(r *rig.Rig, _ *world.Recovery) {
			r.People.Serial = func(string, string) error { return no }
		}, exitcode.Failed, "no", ""},
		{"no user PIN", func(_ *rig.Rig, o *world.Recovery) {
			o.UserPIN = func(hsm.Token) (*secret.Bytes, error) { return nil, no }
		}, exitcode.Failed, "no", ""},
		{"no paper", func(r *rig.Rig, _ *world.Recovery) { r.People.Paper = nil }, exitcode.Failed,
			"no paper record was kept: a new module carries no anchor", ""},
		{"cards of others", func(r *rig.Rig, o *world.Recovery) { r.People.Passphrases[0] = "wrong" }, exitcode.Refused,
			"CARD1: wrong passphrase", "type the passphrase of this card's holder again; if it is certainly right, " +
				"the card is damaged: use another card of the set, then byok-offline world replace-cards"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewWorld(t)
			r.People.Paper = r.Paper(t)
			o := r.Recovery("second")
			c.change(r, &o)
			before := r.Plugged(t)
			_, err := world.Recover(o)
			r.Refused(t, err, c.code, c.text, c.hint)
			if after := r.Plugged(t); !slices.Equal(before, after) {
				t.Error("a token was initialised")
			}
			r.Whole(t)
		})
	}
}

// recovering prepares a recovery onto a second token, the first being lost.
func recovering(t *testing.T) func() (*rig.Rig, func() error) {
	return func() (*rig.Rig, func() error) {
		r := rig.NewWorld(t)
		lost(t, r)
		return r, func() error {
			r.People.Paper = r.Paper(t)
			_, err := world.Recover(r.Recovery("second"))
			return err
		}
	}
}

// TestRecoverCutShort goes on wherever it died, with the token it had
// initialised.
func TestRecoverCutShort(t *testing.T) { dying(t, recovering(t)) }

// TestRecoverQuestionsRefused: so does one in which somebody gave up.
func TestRecoverQuestionsRefused(t *testing.T) { refusing(t, recovering(t)) }

// TestRecoverElsewhere: an interrupted recovery is given up for another label.
func TestRecoverElsewhere(t *testing.T) {
	r := rig.NewWorld(t)
	lost(t, r)
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_InitPIN")
	if _, err := world.Recover(r.Recovery("second")); err == nil {
		t.Error("the call did not fail")
	}
	t.Setenv("SHIM_AT", "")
	chain, err := world.Recover(r.Recovery("third"))
	rig.OK(t, err)
	if m := chain.Modules(); len(m) != 2 || m[1].Token.Label != "third" {
		t.Errorf("%+v", m)
	}
	r.Whole(t)
}

// TestRecoverStrikesOff ends the module that was on the same token before it
// was wiped, and no other.
func TestRecoverStrikesOff(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		m := s.Chain.Modules()[0]
		other := s.Token
		other.Serial = "another"
		rig.OK(t, world.StrikeOffSame(s.Quorum, s.Chain, other, "0123456789abcdef0123456789abcdef"))
		rig.OK(t, world.StrikeOffSame(s.Quorum, s.Chain, s.Token, m.Module)) // it is the module itself
		if len(s.Chain.Modules()) != 1 {
			t.Error("a module was struck off")
		}
		rig.OK(t, world.StrikeOffSame(s.Quorum, s.Chain, s.Token, "0123456789abcdef0123456789abcdef"))
		_, err := s.Chain.Module(m.Module)
		r.Refused(t, err, exitcode.Refused,
			"statement 3 struck the module MODULE off: the token was initialised again and the world recovered to it", "")
		return nil
	}))
}

func TestStrikeOff(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.Paper = r.Paper(t)
	first := r.Plugged(t)[0]
	_, err := world.Recover(r.Recovery("second"))
	rig.OK(t, err)
	r.Unplug(t, first)
	old := r.Chain(t).Modules()[0].Module
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		r.Refused(t, s.StrikeOff(s.Module.Module, "lost"), exitcode.Refused,
			"SoftHSM project SoftHSM v2, serial SERIAL is the module in use",
			"strike a module off from another module of the world")
		r.Refused(t, s.StrikeOff("none", "lost"), exitcode.Check, `no statement of this world names the module "none"`, "")
		if err := s.StrikeOff(old, "two\nlines"); exitcode.Of(err) != exitcode.Check {
			t.Errorf("%v", err)
		}
		return s.StrikeOff(old, "it burnt")
	}))
	if m := r.Chain(t).Modules(); len(m) != 1 {
		t.Errorf("%d modules", len(m))
	}
	r.Whole(t)
	r.Plug(t, first)
	if s, err := r.Connect(); err != nil {
		t.Errorf("%v", err)
	} else {
		if s.Module.Module == old {
			t.Error("a module that was struck off was connected")
		}
		s.Close()
	}
}
