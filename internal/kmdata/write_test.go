package kmdata_test

import (
	"os"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/statement"
)

// A head in a statement is the ceremony log's.
var _ = ceremony.Head(statement.LogHead{})

// A signature by the wrong key, or none, leaves nothing behind.
func TestAppendSignatures(t *testing.T) {
	f := copied(t)
	w := f.reopened()
	path := "DIR/local/statements/000013-seal.json"
	const mine = "the signature does not belong to this content and this public key"
	for name, c := range map[string]struct {
		signer kmdata.Signer
		want   string
	}{
		"KML":              {f.KML[f.a], path + ": the new signature does not verify: " + mine},
		"the former KNSO":  {f.Sets[0].KNSO, path + ": the new signature does not verify: " + mine},
		"a broken session": {broken{}, "the token is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			var s statement.Seal
			w.Chain.Next(&s, w.Session())
			_, err := w.Chain.Append(&s, c.signer, nil)
			refused(t, f.dir, err, exitcode.Failed, c.want)
		})
	}
	names := must(os.ReadDir(kmdata.StatementsDir(f.dir)))(t)
	if last := names[len(names)-1].Name(); last != "000012-seal.sig" {
		t.Errorf("%s is left", last)
	}
}

func TestAppendSecondSignature(t *testing.T) {
	f := copied(t)
	f.cutBehind(seal)
	w := f.reopened()
	s := must(statement.Parse("cards", f.Chain.Entries()[cards-1].Data))(t).(*statement.Cards)
	w.Chain.Next(s, f.session(f.Sets[0].Set))
	_, err := w.Chain.Append(s, f.Sets[0].KNSO, f.Sets[0].KNSO)
	f.refused(err, exitcode.Failed, "DIR/local/statements/000008-cards.json: the new signature does not verify: "+
		"the signature does not belong to this content and this public key")
	e := must(w.Chain.Append(s, f.Sets[0].KNSO, f.Sets[1].KNSO))(t)
	if e.String() != "statement 8 (cards)" || len(e.Second) == 0 || w.Chain.HKNSO() != s.NewHKNSO() {
		t.Errorf("%v", e)
	}
}

// session is a session of a card set that goes on with the fixture's log.
func (f *folder) session(set quorum.CardSet) kmdata.Session {
	var present []statement.CardHolder
	for i, holder := range set.Holders {
		present = append(present, statement.CardHolder{Index: i + 1, Holder: holder})
	}
	return kmdata.Session{
		Log:     statement.LogHead{Lines: 1000, SHA256: ones},
		Program: statement.Program{Version: "test"},
		Present: present,
	}
}

// A statement that another process wrote meanwhile is not overwritten.
func TestAppendNeverOverwrites(t *testing.T) {
	f := copied(t)
	one, other := f.reopened(), f.reopened()
	must(one.Seal())(t)
	_, err := other.Seal()
	f.refused(err, exitcode.Refused, "DIR/local/statements/000013-seal.json already exists and is never overwritten")
	must(kmdata.Open(f.dir))(t)
}

func TestCreateRefuses(t *testing.T) {
	f := copied(t)
	w := *must(statement.Parse("world", f.read(f.local("world"))))(t).(*statement.World)
	_, err := kmdata.Create(f.dir, &w, f.Sets[0].KNSO)
	f.refused(err, exitcode.Refused, "DIR/local/world already exists and is never overwritten")
	f.dir += "/other"
	_, err = kmdata.Create(f.dir, &w, f.Sets[1].KNSO)
	f.refused(err, exitcode.Failed, "DIR/local/world: the new signature does not verify: "+
		"the signature does not belong to this content and this public key")
	w.Label = ""
	_, err = kmdata.Create(f.dir, &w, f.Sets[0].KNSO)
	f.refused(err, exitcode.Check, `the world statement: field label: label "": expected 1 to 32 bytes of text`)
	if kmdata.Exists(f.dir) {
		t.Error("there is a world file")
	}
	f.dir += "/file"
	f.write(f.dir, nil)
	w.Label = "Contoso"
	_, err = kmdata.Create(f.dir, &w, f.Sets[0].KNSO)
	f.refused(err, exitcode.Failed, "DIR cannot be created: file exists")
}
