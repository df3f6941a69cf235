package world_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/secondproc"
	"byok/internal/secret"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

func kindOf(name string) (keykind.Kind, error) { return keykind.Parse(name) }

func TestCreate(t *testing.T) {
	r := rig.New(t, 3)
	r.People.Drawn = true
	chain, err := world.Create(r.Creation(2))
	rig.OK(t, err)
	w, m := chain.World(), chain.Modules()[0]
	if w.Guard != "trust" || w.Suite != statement.SuiteDefault || w.Label != r.Label || !w.Rehearsal || len(w.Present) != 3 || w.Own != nil {
		t.Errorf("%+v", w)
	}
	if m.CardSet != 1 || m.Form != keywrap.TwoSteps || m.SOPIN.Characters != 40 || m.SOPIN.Bits != 200 || m.SOPIN.Sealed != "" || m.Others != nil {
		t.Errorf("%+v", m)
	}
	var names []string
	for _, f := range m.Findings {
		if f.Outcome != "held" {
			t.Errorf("%+v", f)
		}
		names = append(names, f.Name)
	}
	want := []string{
		"the user makes no trusted key", "KM is frozen", "KW is frozen", "anchors are frozen", "wrapping is what the vault unwraps",
		statement.FindingRestart, "while the SO is logged in, another process trusts no key",
		"while the SO is logged in, another process reaches no private key",
		"another process finds no session object of this one",
		"while the user is logged in, another process reaches no private key without a PIN",
	}
	if !slices.Equal(names, want) {
		t.Errorf("findings %q", names)
	}
	r.Heard(t, r.People.Said, "PKCS#11 library to be loaded: LIBRARY", "card 1 (Ada) written and read back, 1 of 3",
		`token "test world" (serial SERIAL) initialised; its SO PIN comes from the cards`,
		"statement 1 (world) is signed; write down: 1, "+chain.Entries()[0].Sum.FirstWords(8),
		"statement 2 (module) is signed; write down: 2, "+chain.Entries()[1].Sum.FirstWords(8))
	r.Whole(t)
	rig.OK(t, quorum(r, nothing))
	_, err = world.Create(r.Creation(2))
	r.Refused(t, err, exitcode.Refused, "DIR/local/world: a security world already exists and is never overwritten",
		"name another folder with --kmdata, or byok-offline world info")
}

// TestCreateRecordsOwnPassphrases in the world file.
func TestCreateRecordsOwnPassphrases(t *testing.T) {
	r := rig.New(t, 2)
	chain, err := world.Create(r.Creation(2))
	rig.OK(t, err)
	if own := chain.World().Own; !slices.Equal(own, statement.OwnPassphrases{1, 2}) {
		t.Errorf("%v", own)
	}
	r.Heard(t, r.People.Warned,
		"card 1 (Ada): the holder's own passphrase instead of the drawn one; the record says so")
}

// TestCreateRefused changes nothing: the next creation succeeds.
func TestCreateRefused(t *testing.T) {
	no := errors.New("no")
	for _, c := range []struct {
		name   string
		change func(r *rig.Rig, o *world.Creation)
		code   exitcode.Code
		text   string
		hint   string
	}{
		{"long label", func(_ *rig.Rig, o *world.Creation) { o.Label = strings.Repeat("a", 33) }, exitcode.Usage,
			`label "` + strings.Repeat("a", 33) + `": expected 1 to 32 bytes of text`, ""},
		{"unknown suite", func(_ *rig.Rig, o *world.Creation) { o.Suite = "DES" }, exitcode.Usage,
			`cipher suite "DES": expected DLf3072s256mRijndael (or DLf1024s160mRijndael, for an old runbook)`, ""},
		{"a card too few", func(_ *rig.Rig, o *world.Creation) { o.Media = o.Media[:1] }, exitcode.Usage,
			"quorum 2/2 needs 2 cards and as many holders; given: 1 card and 2 holders", ""},
		{"one holder twice", func(_ *rig.Rig, o *world.Creation) { o.Holders = []string{"Ada", "ada"} }, exitcode.Refused,
			`card holders 1 and 2 are both "ada": one person may not hold two cards`, "name another person for card 2"},
		{"one folder twice", func(_ *rig.Rig, o *world.Creation) { o.Media[1] = o.Media[0] }, exitcode.Refused,
			"CARD1 and CARD1 are one folder: each card needs its own", "give each card a folder of its own"},
		{"a card that is not blank", func(r *rig.Rig, _ *world.Creation) {
			rig.OK(t, os.WriteFile(filepath.Join(r.Folders[1], cards.CardFile), []byte("card"), 0o600))
		}, exitcode.Refused, "card 2: CARD2/byok-card.age: this card is not blank, and cards are never overwritten",
			"insert a blank medium, or remove that file if no world needs it"},
		{"production on the workstation", func(_ *rig.Rig, o *world.Creation) { o.Rehearsal = false }, exitcode.Refused, "", ""},
		{"no library", func(_ *rig.Rig, o *world.Creation) { o.Library = "/none.so" }, exitcode.Usage,
			"PKCS#11 library /none.so: no such file or directory",
			"give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so"},
		{"library not accepted", func(r *rig.Rig, _ *world.Creation) {
			r.People.Accept = func(session.LibraryChange) error { return no }
		}, exitcode.Failed, "no", ""},
		{"serial not read", func(r *rig.Rig, _ *world.Creation) {
			r.People.Serial = func(string, string) error { return no }
		}, exitcode.Failed, "no", ""},
		{"no user PIN", func(_ *rig.Rig, o *world.Creation) {
			o.UserPIN = func(hsm.Token, bool) (*secret.Bytes, error) { return nil, no }
		}, exitcode.Failed, "no", ""},
		{"short user PIN", func(_ *rig.Rig, o *world.Creation) {
			o.UserPIN = func(hsm.Token, bool) (*secret.Bytes, error) { return rig.Secret("123"), nil }
		}, exitcode.Usage, "a user PIN of 3 bytes: the token takes 4 to 255", "choose another PIN"},
		{"nothing to adopt", func(_ *rig.Rig, o *world.Creation) { o.Choice.Adopt = true }, exitcode.Usage,
			`there is no initialised token labelled "test world"`, "byok-offline module list shows the tokens; name one with --label"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.New(t, 2)
			o := r.Creation(2)
			c.change(r, &o)
			_, err := world.Create(o)
			if c.text == "" {
				if exitcode.Of(err) != c.code {
					t.Errorf("%v", err)
				}
			} else {
				r.Refused(t, err, c.code, c.text, c.hint)
			}
			if kmdata.Exists(r.Dir) || len(r.Plugged(t)) > 0 {
				t.Error("something was made")
			}
		})
	}
}

// TestCreateOnTakenLabel never touches a token that was not chosen.
func TestCreateOnTakenLabel(t *testing.T) {
	r := rig.NewWorld(t)
	other := *r
	other.Dir = t.TempDir()
	other.NewCards(t, 3)
	_, err := world.Create(other.Creation(2))
	r.Refused(t, err, exitcode.Refused, `label "test world" is taken by an initialised token (serial SERIAL)`,
		"choose another one with --label")
	r.Whole(t)
}

// TestCreateLacksMechanism finds out before a card is written.
func TestCreateLacksMechanism(t *testing.T) {
	r := rig.New(t, 3)
	t.Setenv("SHIM_HIDE_MECHANISMS", "0x9") // CKM_RSA_PKCS_OAEP
	_, err := world.Create(r.Creation(2))
	if exitcode.Of(err) != exitcode.HSM || !strings.Contains(err.Error(), "does not offer CKM_RSA_PKCS_OAEP, which the ceremony needs") {
		t.Errorf("%v", err)
	}
}

// small prepares the creation of a world with two cards.
func small(t *testing.T) func() (*rig.Rig, func() error) {
	return func() (*rig.Rig, func() error) {
		r := rig.New(t, 2)
		return r, func() error {
			r.Log.Add("again")
			_, err := world.Create(r.Creation(2))
			return err
		}
	}
}

// TestCreateCutShort goes on wherever it died, with the cards that were dealt.
func TestCreateCutShort(t *testing.T) { dying(t, small(t)) }

// TestCreateQuestionsRefused: so does one in which somebody gave up.
func TestCreateQuestionsRefused(t *testing.T) { refusing(t, small(t)) }

// TestCreateApart: a token that does not isolate processes gets no world. The
// next run goes on with the cards.
func TestCreateApart(t *testing.T) {
	r := rig.New(t, 1)
	again := rig.NoChild(t)
	_, err := world.Create(r.Creation(1))
	const no = ": not answered"
	r.Refused(t, err, exitcode.HSM, `token "test world" (serial SERIAL) does not isolate processes: `+
		secondproc.RowTrust+no+"; "+secondproc.RowPrivate+no+"; "+secondproc.RowSession+no+"; "+secondproc.RowUser+no,
		"byok-offline module check --module-path LIBRARY shows every finding")
	again()
	_, err = world.Create(r.Creation(1))
	rig.OK(t, err)
	r.Whole(t)
}

// TestCreateAnother: an interrupted creation is finished as it was begun, or
// not at all.
func TestCreateAnother(t *testing.T) {
	r := rig.New(t, 2)
	o := r.Creation(2)
	cut := errors.New("cut")
	o.Log = failingLog{r.Log, cut} // after the cards were dealt
	_, err := world.Create(o)
	if !errors.Is(err, cut) || exitcode.HintOf(err) != "run the same command again: it continues with the cards that were dealt" {
		t.Errorf("%v; %s", err, exitcode.HintOf(err))
	}
	const hint = "run that command again, or use another --kmdata and blank cards"
	text := `an interrupted creation in DIR asked for label "test world", guard trust, quorum 2/2 and the holders ["Ada" "Ben"]`
	for _, change := range []func(o *world.Creation){
		func(o *world.Creation) { o.Holders = []string{"Ada", "Cleo"} },
		func(o *world.Creation) { o.Quorum.K = 1 },
	} {
		o := r.Creation(2)
		change(&o)
		_, err := world.Create(o)
		r.Refused(t, err, exitcode.Refused, text, hint)
	}
	other := r.Creation(2)
	other.Label = "other"
	_, err = world.Create(other)
	r.Refused(t, err, exitcode.Refused, text, hint)
	r.People.Passphrases[1] = "wrong"
	_, err = world.Create(r.Creation(2))
	if exitcode.Of(err) != exitcode.Refused {
		t.Errorf("%v", err)
	}
	r.People.Passphrases[1] = rig.Passphrase(1)
	_, err = world.Create(r.Creation(2))
	rig.OK(t, err)
	r.Whole(t)
}

// failingLog has no head.
type failingLog struct {
	*rig.Log
	err error
}

func (l failingLog) Head() (statement.LogHead, error) { return statement.LogHead{}, l.err }

// TestCreateForeignToken: between two runs of a creation somebody made a token
// of its label. It is not touched.
func TestCreateForeignToken(t *testing.T) {
	r := rig.New(t, 1)
	r.People.DieAt = 6 // the card is dealt, and the token has just been initialised
	died, err := rig.Survive(func() error { _, err := world.Create(r.Creation(1)); return err })
	if !died {
		t.Fatalf("%v", err)
	}
	for _, name := range r.Plugged(t) {
		r.Unplug(t, name)
	}
	*r.People = *rig.NewPeople(1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	o := r.Creation(1)
	o.Choice.Confirm = func(hsm.Token) error { t.Error("somebody was asked to destroy the token"); return nil }
	_, err = world.Create(o)
	r.Refused(t, err, exitcode.Refused, `label "test world" is taken by an initialised token (serial SERIAL)`,
		"choose another one with --label")
}
