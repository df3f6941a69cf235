package world_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/cards"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/secondproc"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/testkit/rig"
	"byok/internal/world"
)

const notApart = `token "test world" (serial SERIAL) does not isolate processes: ` +
	secondproc.RowTrust + ": not answered; " + secondproc.RowPrivate + ": not answered; " +
	secondproc.RowSession + ": not answered; " + secondproc.RowUser + ": not answered"

const notApartHint = "byok-offline module check --module-path LIBRARY shows every finding"

// TestApart: a module that does not isolate processes is not accepted, not
// recovered to, and not given new cards; the same command does it once the
// second process answers.
func TestApart(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(t *testing.T, r *rig.Rig) func() error
	}{
		{"accept", func(_ *testing.T, r *rig.Rig) func() error {
			return func() error { return quorum(r, func(s world.Quorum) error { return s.Accept() }) }
		}},
		{"recover", func(t *testing.T, r *rig.Rig) func() error {
			lost(t, r)
			return func() error {
				_, err := world.Recover(r.Recovery(r.Label))
				return err
			}
		}},
		{"replace", func(t *testing.T, r *rig.Rig) func() error {
			p, old := replacement(t, r)
			return func() error { return replace(r, p, old) }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rig.NewKeyWorld(t)
			op := c.prepare(t, r)
			again := rig.NoChild(t)
			err := op()
			r.Refused(t, err, exitcode.HSM, notApart, notApartHint)
			again()
			r.People.Paper = r.Paper(t)
			rig.OK(t, op())
			r.Whole(t)
		})
	}
}

// TestAcceptLacking: a module that lacks a trusted key is not accepted anew.
func TestAcceptLacking(t *testing.T) {
	r := rig.NewWorld(t)
	km := statement.KMLabel(r.Chain(t).Modules()[0].Module, 1)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Remove(km) })
	r.Refused(t, quorum(r, func(s world.Quorum) error { return s.Accept() }), exitcode.Check,
		`token "test world" (serial SERIAL) lacks byok-km-MODULE-1`,
		"byok-offline world replace-cards makes the trusted keys again; world check shows more")
}

// TestCreateLocked: nothing is created beside a session in the same folder.
func TestCreateLocked(t *testing.T) {
	r := rig.New(t, 1)
	rig.OK(t, durable.Folder(kmdata.Local(r.Dir), 0o700))
	release, err := durable.Lock(filepath.Join(kmdata.Local(r.Dir), ".quorum-session"), "a quorum session")
	rig.OK(t, err)
	defer release()
	_, err = world.Create(r.Creation(1))
	r.Refused(t, err, exitcode.Refused, "DIR/local/.quorum-session is in use by a quorum session",
		"wait until it has ended, then run the command again")
}

// TestAttackAdoptedMeanwhile: what was made while the SO PIN was being changed
// shows, and the token is not adopted.
func TestAttackAdoptedMeanwhile(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, rig.UserPIN, pkcs11.CKU_SO, nil)
	o := adoption(r)
	o.UI = rig.Hearing{People: r.People, Text: "adopted; its SO PIN comes from the cards now", Do: func() {
		r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) { a.Secret("late", make([]byte, 32)) })
	}}
	_, err := world.Create(o)
	r.Refused(t, err, exitcode.Refused, `token "test world" (serial SERIAL) is not empty: secret key "late"`,
		"remove these objects with the vendor's tool, or use --initialize to destroy everything on the token")
	if kmdata.Exists(r.Dir) {
		t.Error("a world was made")
	}
}

// TestRecoverForeignHeaders: cards that say in clear that they are of another
// world are refused before a library is loaded.
func TestRecoverForeignHeaders(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.Paper = r.Paper(t)
	r.People.Accept = func(session.LibraryChange) error { t.Error("a library was to be loaded"); return nil }
	path := filepath.Join(r.Folders[1], cards.HeaderFile)
	genuine, err := os.ReadFile(path)
	rig.OK(t, err)
	other := strings.Replace(string(genuine), r.Chain(t).HKNSO().String(), strings.Repeat("0a", 32), 1)
	rig.OK(t, os.WriteFile(path, []byte(other), 0o600))
	_, err = world.Recover(r.Recovery("second"))
	r.Refused(t, err, exitcode.Refused,
		"CARD2: card 2 (Ben) belongs to a different security world than DIR (hknso HKNSO, not HKNSO)",
		"name that world's folder with --kmdata, or use a card of this world")
}

// TestReplaceExchangedKey: what is wrapped again under the new cards is the key
// of the file, or nothing.
func TestReplaceExchangedKey(t *testing.T) {
	r := rig.NewKeyWorld(t)
	r.Attack(t, r.Label, rig.UserPIN, func(a *rig.Attacker) {
		a.Relabel("key_simple_first", "hidden")
		a.Pair("key_simple_first", 7)
	})
	p, old := replacement(t, r)
	r.Refused(t, replace(r, p, old), exitcode.Check,
		`key_simple_first on token "test world" (serial SERIAL) is not the key that its public key describes`,
		"run the same command again: it continues with the cards that were dealt")
	k, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	if k.CardSet != 1 {
		t.Errorf("its backup is under card set %d", k.CardSet)
	}
}

// TestReplaceProvesBackups: a backup that would not come back takes no other's
// place.
func TestReplaceProvesBackups(t *testing.T) {
	r := rig.NewOneCallWorld(t)
	rig.OK(t, generate(r, "first"))
	before, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	p, old := replacement(t, r)
	p.NewUI = dealt(r, func() { t.Setenv("SHIM_RSA_AES_HASH", "0x250") }) // OAEP with SHA-256
	r.Refused(t, replace(r, p, old), exitcode.Check, "the backup does not open with these cards",
		"use the key file as it was when it was written; byok-offline world check names what was altered")
	t.Setenv("SHIM_RSA_AES_HASH", "")
	after, err := r.Chain(t).Key("first")
	rig.OK(t, err)
	if after.Backup != before.Backup {
		t.Error("the backup was replaced")
	}
	p.NewUI = r.People
	r.People.Paper = r.Paper(t)
	rig.OK(t, replace(r, p, old))
	r.Whole(t)
}

// TestReplaceMovesOrigins: the origin statement of a key is of its new backup.
func TestReplaceMovesOrigins(t *testing.T) {
	r := rig.NewKeyWorld(t)
	p, old := replacement(t, r)
	rig.OK(t, replace(r, p, old))
	chain := r.Chain(t)
	k, err := chain.Key("first")
	rig.OK(t, err)
	backup, err := base64.StdEncoding.DecodeString(k.Backup)
	rig.OK(t, err)
	o, found := chain.Origin("first")
	if !found || o.Backup != fingerprint.Of(backup) || o.Origin != statement.OriginQuorum || o.Restored {
		t.Errorf("%+v", o)
	}
}

// TestAttackAdoptedWithoutUser: a token whose user PIN is not set is searched as
// well.
func TestAttackAdoptedWithoutUser(t *testing.T) {
	r := rig.New(t, 1)
	maker(t, r, "", pkcs11.CKU_SO, func(a *rig.Attacker) {
		a.Secret("evil", make([]byte, 32), pkcs11.NewAttribute(pkcs11.CKA_TRUSTED, true))
	})
	_, err := world.Create(adoption(r))
	r.Refused(t, err, exitcode.Refused, `token "test world" (serial SERIAL) is not empty: trusted secret key "evil"`,
		"remove these objects with the vendor's tool, or use --initialize to destroy everything on the token")
}
