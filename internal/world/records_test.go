package world_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

func TestResetPIN(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.PIN = "forgotten"
	a := r.Access()
	a.WithoutUser = true
	reset := func(pin string) error {
		return r.With(a, r.Folders[:2], func(s *session.Quorum) error {
			return world.Quorum{Quorum: s}.ResetPIN(rig.Secret(pin))
		})
	}
	r.Refused(t, reset("123"), exitcode.Usage, "a user PIN of 3 bytes: the token takes 4 to 255", "choose another PIN")
	rig.OK(t, reset("another user pin"))
	last := r.Chain(t).Last()
	if _, is := last.Statement.(*statement.Seal); !is || last.Number() != 3 {
		t.Errorf("%v", last)
	}
	r.People.PIN = "another user pin"
	r.Whole(t)
	rig.OK(t, quorum(r, nothing))
}

// TestResetPINFails gives the token's errors on.
func TestResetPINFails(t *testing.T) {
	for _, c := range []struct {
		at   string
		text string
		hint string
	}{
		{"C_InitPIN", `C_InitPIN on token "test world" (serial SERIAL): CKR_DEVICE_ERROR`, ""},
		{"C_Login#2", `the new user PIN was set, but logging in with it failed: C_Login as user on token "test world" (serial SERIAL): CKR_DEVICE_ERROR`,
			"run the same command again"},
	} {
		r := rig.NewWorld(t)
		a := r.Access()
		a.WithoutUser = true
		rig.OK(t, r.With(a, r.Folders[:2], func(s *session.Quorum) error {
			t.Setenv("SHIM_DO", "fail=0x30")
			t.Setenv("SHIM_AT", c.at)
			err := world.Quorum{Quorum: s}.ResetPIN(rig.Secret("another user pin"))
			t.Setenv("SHIM_AT", "")
			r.Refused(t, err, exitcode.HSM, c.text, c.hint)
			return nil
		}))
	}
}

func TestChangePIN(t *testing.T) {
	r := rig.NewWorld(t)
	change := func(old, next string) error {
		s, err := r.Connect()
		rig.OK(t, err)
		defer s.Close()
		return s.ChangePIN(rig.Secret(old), rig.Secret(next))
	}
	r.Refused(t, change(rig.UserPIN, "123"), exitcode.Usage, "a user PIN of 3 bytes: the token takes 4 to 255", "choose another PIN")
	r.Refused(t, change("wrong pin", "another"), exitcode.HSM,
		`wrong user PIN for token "test world" (serial SERIAL) (CKR_PIN_INCORRECT); the token counts wrong PINs and will lock it after a few more`, "")
	rig.OK(t, change(rig.UserPIN, "another user pin"))
	r.People.PIN = "another user pin"
	r.Whole(t)
}

// TestAccept signs a module's statement again, with another library.
func TestAccept(t *testing.T) {
	r := rig.NewWorld(t)
	data, err := os.ReadFile(r.Library)
	rig.OK(t, err)
	other := filepath.Join(t.TempDir(), "libsofthsm2.so")
	rig.OK(t, os.WriteFile(other, append(data, 0), 0o700))
	accept := func() error {
		s, err := session.ConnectNew(r.Chain(t), other, hsm.TokenName{}, r.People)
		if err != nil {
			return err
		}
		defer s.Close()
		q, err := session.Begin(r.Access(), s, r.Order(2).Media[:2])
		if err != nil {
			return err
		}
		defer q.Close()
		return world.Quorum{Quorum: q}.Accept()
	}
	before := r.Chain(t).Modules()[0]
	rig.OK(t, accept())
	after := r.Chain(t).Modules()[0]
	if after.Library.SHA256 == before.Library.SHA256 || after.Library.Path != other || after.KML != before.KML || len(after.Findings) != 10 {
		t.Errorf("%+v", after)
	}
	if _, err := r.Connect(); exitcode.Of(err) != exitcode.Refused {
		t.Errorf("the old library is loaded: %v", err)
	}
	r.Library = other
	r.Whole(t)
}

// TestAcceptRefuses a module that does not keep what its guard rests on.
func TestAcceptRefuses(t *testing.T) {
	r := rig.NewWorld(t)
	before := r.Chain(t).Last().Number()
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		t.Setenv("SHIM_TRUST", "C_CreateObject")
		err := s.Accept()
		t.Setenv("SHIM_TRUST", "")
		if exitcode.Of(err) != exitcode.HSM || !strings.Contains(err.Error(), "the user can make an AES key trusted with C_CreateObject") {
			t.Errorf("%v", err)
		}
		return nil
	}))
	if after := r.Chain(t).Last().Number(); after != before {
		t.Errorf("statement %d was signed", after)
	}
}

// TestSeal vouches for the log, and sets the anchor.
func TestSeal(t *testing.T) {
	r := rig.NewWorld(t)
	r.Log.Add("something")
	var entry int
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		e, err := s.Seal()
		entry = e.Number()
		return err
	}))
	head, err := r.Log.Head()
	rig.OK(t, err)
	if h := statement.HeaderOf(r.Chain(t).Last().Statement); entry != 3 || h.Log != head {
		t.Errorf("%d %+v", entry, h)
	}
	r.Finds(t, "anchor", "pass: the token knows statement 3")
}

// TestSealUnanchored says how to set the anchor.
func TestSealUnanchored(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, quorum(r, func(s world.Quorum) error {
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", "C_CreateObject")
		_, err := s.Seal()
		t.Setenv("SHIM_AT", "")
		r.Refused(t, err, exitcode.HSM, "statement 3 (seal) is signed, but the token does not carry its anchor: "+
			"C_CreateObject of the anchor as a trusted key: CKR_DEVICE_ERROR", "byok-offline ceremony seal --card DIR … sets it")
		return nil
	}))
	r.People.Paper = r.Paper(t)
	rig.OK(t, quorum(r, seal))
	r.Whole(t)
}
