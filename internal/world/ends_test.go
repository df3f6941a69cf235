package world_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

// die ends the process, as far as a test can.
func die() { panic(rig.Died{}) }

// failing makes every later call of a function fail.
func failing(t *testing.T, call string) func() {
	return func() {
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", call+"+")
	}
}

// TestCreateEnds: a creation that dies behind a card or one of its statements, or
// whose anchor fails, is finished by the same command, with what is signed.
func TestCreateEnds(t *testing.T) {
	const noAnchor = "statement 2 (module) is signed, but the token does not carry its anchor: " +
		"C_CreateObject of the anchor as a trusted key: CKR_DEVICE_ERROR"
	for _, c := range []struct {
		name string
		text string
		do   func(t *testing.T) func()
		err  string
	}{
		{"dies behind a card", "card 1 (Ada) written and read back", func(*testing.T) func() { return die }, ""},
		{"dies behind the world file", "statement 1 (world) is signed", func(*testing.T) func() { return die }, ""},
		{"dies behind the module statement", "statement 2 (module) is signed", func(*testing.T) func() { return die }, ""},
		{"the anchor fails", "statement 2 (module) is signed",
			func(t *testing.T) func() { return failing(t, "C_CreateObject") }, noAnchor},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 2)
			o := r.Creation(2)
			o.UI = rig.Hearing{People: r.People, Text: c.text, Do: c.do(t)}
			died, err := rig.Survive(func() error { _, err := world.Create(o); return err })
			t.Setenv("SHIM_AT", "")
			if died != (c.err == "") {
				t.Fatalf("died: %t, %v", died, err)
			}
			if c.err != "" {
				r.Refused(t, err, exitcode.HSM, c.err, "run the same command again: it continues with the cards that were dealt")
			}
			chain, err := world.Create(r.Creation(2))
			rig.OK(t, err)
			if n := chain.Last().Number(); n != 2 {
				t.Errorf("statement %d was signed", n)
			}
			r.Whole(t)
			rig.OK(t, quorum(r, seal))
		})
	}
}

// TestCreateCallFails: the token's error is given on, and the same command goes
// on with the cards.
func TestCreateCallFails(t *testing.T) {
	const again = "run the same command again: it continues with the cards that were dealt"
	for _, c := range []struct {
		call string
		text string
		hint string
	}{
		{"C_InitToken", `C_InitToken on slot 0 for "test world": CKR_DEVICE_ERROR`, again},
		{"C_OpenSession", `C_OpenSession on token "test world" (serial SERIAL): CKR_DEVICE_ERROR`, again},
		{"C_CreateObject", "C_CreateObject of KM as a trusted key: CKR_DEVICE_ERROR", again},
		{"C_GenerateKey", "C_GenerateKey of a worthless session key: CKR_DEVICE_ERROR", again},
		{"C_GenerateKeyPair", "C_GenerateKeyPair of byok-kml-MODULE: CKR_DEVICE_ERROR", again},
	} {
		t.Run(c.call, func(t *testing.T) {
			r := rig.New(t, 1)
			t.Setenv("SHIM_DO", "fail=0x30")
			t.Setenv("SHIM_AT", c.call)
			_, err := world.Create(r.Creation(1))
			t.Setenv("SHIM_AT", "")
			r.Refused(t, err, exitcode.HSM, c.text, c.hint)
			_, err = world.Create(r.Creation(1))
			rig.OK(t, err)
			r.Whole(t)
		})
	}
}

const emptyNote = "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"label\": \"\",\n" +
	"    \"rehearsal\": false,\n    \"module\": \"\",\n    \"knso\": {\n      \"public_key\": \"\",\n      \"sealed\": \"\"\n" +
	"    },\n    \"km\": {\n      \"public_key\": \"\",\n      \"sealed\": \"\"\n    },\n    \"dealt\": false,\n" +
	"    \"taken\": false\n  }\n}\n"

// TestCreateNotes: a note says what an interrupted run may have left. One that
// cannot be read stops the next run, and one without cards removes none.
func TestCreateNotes(t *testing.T) {
	r := rig.New(t, 1)
	path := filepath.Join(r.Dir, "local", ".world-create.pending")
	rig.OK(t, os.MkdirAll(filepath.Dir(path), 0o700))
	rig.OK(t, os.WriteFile(path, []byte("torn"), 0o600))
	_, err := world.Create(r.Creation(1))
	r.Refused(t, err, exitcode.Usage, "DIR/local/.world-create.pending: not valid JSON at byte 1", "")
	rig.OK(t, os.WriteFile(path, []byte(emptyNote), 0o600))
	_, err = world.Create(r.Creation(1))
	rig.OK(t, err)
	r.Whole(t)
}

// TestCreateInTheWay: what is not a world of this creation is not touched.
func TestCreateInTheWay(t *testing.T) {
	r := rig.New(t, 1)
	o := r.Creation(1)
	o.Dir = filepath.Join(r.Folders[0], "file")
	rig.OK(t, os.WriteFile(o.Dir, nil, 0o600))
	if _, err := world.Create(o); err == nil || !strings.Contains(err.Error(), o.Dir) {
		t.Errorf("%v", err)
	}
	rig.OK(t, os.Remove(o.Dir))
	file := filepath.Join(r.Dir, "local", "world")
	rig.OK(t, os.MkdirAll(filepath.Dir(file), 0o700))
	rig.OK(t, os.WriteFile(file, []byte("another"), 0o600))
	if _, err := world.Create(r.Creation(1)); exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
	if len(r.Plugged(t)) > 0 {
		t.Error("a token was initialised")
	}
}

// TestAdoptFails gives the error on, of the person and of the token.
func TestAdoptFails(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	no := errors.New("no")
	o := adoption(r)
	o.Choice.SOPIN = func(hsm.Token) (*secret.Bytes, error) { return nil, no }
	if _, err := world.Create(o); !errors.Is(err, no) {
		t.Errorf("%v", err)
	}
	t.Setenv("SHIM_DO", "fail=0x30")
	t.Setenv("SHIM_AT", "C_SetPIN")
	_, err := world.Create(adoption(r))
	t.Setenv("SHIM_AT", "")
	r.Refused(t, err, exitcode.HSM, `C_SetPIN of the SO on token "test world" (serial SERIAL): CKR_DEVICE_ERROR`,
		"run the same command again: it continues with the cards that were dealt")
	_, err = world.Create(adoption(r))
	rig.OK(t, err)
	r.Whole(t)
}

// TestAdoptSharedAgain: what an interrupted adoption left on a token that keeps
// its SO PIN is this creation's own, and is made again.
func TestAdoptSharedAgain(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	t.Setenv("SHIM_DO", "fail=0x54")
	t.Setenv("SHIM_AT", "C_SetPIN+")
	again := rig.NoChild(t)
	_, err := world.Create(adoption(r))
	r.Refused(t, err, exitcode.HSM, notApart, notApartHint)
	again()
	chain, err := world.Create(adoption(r))
	rig.OK(t, err)
	if m := chain.Modules()[0]; m.Guard != statement.GuardTrustShared || m.SOPIN.Sealed == "" {
		t.Errorf("%s %+v", m.Guard, m.SOPIN)
	}
	r.Whole(t)
}

// TestReplaceEnds: a replacement that dies behind one of its statements is
// finished with the cards in force, and changes nothing a second time.
func TestReplaceEnds(t *testing.T) {
	for _, text := range []string{"(cards) is signed", "backup of first wrapped again", "(module) is signed"} {
		t.Run(text, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			p, old := replacement(t, r)
			died, err := rig.Survive(func() error {
				station, err := r.Connect()
				rig.OK(t, err)
				defer station.Close()
				a := r.Access()
				a.UI = rig.Hearing{People: r.People, Text: text, Do: die}
				s, err := session.Begin(a, station, p.Old)
				rig.OK(t, err)
				defer s.Close()
				return world.Quorum{Quorum: s}.ReplaceCards(p)
			})
			if !died {
				t.Fatalf("%v", err)
			}
			set := r.Chain(t).Set().Cards
			r.People.Paper = r.Paper(t)
			rig.OK(t, replace(r, p, old))
			if now := r.Chain(t).Set().Cards; now.HKNSO != set.HKNSO {
				t.Error("the cards were replaced again")
			}
			r.Whole(t)
			rig.OK(t, quorum(r, seal))
		})
	}
}

// TestReplaceCallFails: the token's error is given on, with how to go on.
func TestReplaceCallFails(t *testing.T) {
	for _, c := range []struct{ at, call, text string }{
		{"backup of first wrapped again", "C_DestroyObject", "C_DestroyObject of byok-km-MODULE-1: CKR_DEVICE_ERROR"},
		{"backup of first wrapped again", "C_SetPIN", `C_SetPIN of the SO on token "test world" (serial SERIAL): CKR_DEVICE_ERROR`},
	} {
		t.Run(c.call, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			p, old := replacement(t, r)
			a := r.Access()
			a.UI = rig.Hearing{People: r.People, Text: c.at, Do: failing(t, c.call)}
			err := r.With(a, old[:2], func(s *session.Quorum) error { return world.Quorum{Quorum: s}.ReplaceCards(p) })
			t.Setenv("SHIM_AT", "")
			r.Refused(t, err, exitcode.HSM, c.text, "run the same command again: it continues with the cards that were dealt")
			r.People.Paper = r.Paper(t)
			rig.OK(t, replace(r, p, old))
			r.Whole(t)
		})
	}
}
