package kmdata_test

import (
	"os"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

// another makes a second world with the same statements.
func another(t *testing.T) *folder {
	t.Helper()
	dir := t.TempDir()
	f := buildFixture(dir)
	check(t, f.err)
	return &folder{TB: t, fixture: &f, dir: dir}
}

// A KNSO that comes with its own world file signs what it likes. Whoever knows
// the hknso sees it: the folder is another world.
func TestForgedWorld(t *testing.T) {
	f := copied(t)
	forged := must(softworld.NewSigner())(t)
	f.change(worldFile, of(func(w *statement.World) {
		w.KNSO.PublicKey, w.HKNSO, w.Cards.HKNSO = forged.Text(), forged.Sum(), forged.Sum()
	}))
	f.sign(f.local("world"), forged)
	_, err := kmdata.Open(f.dir)
	f.refused(err, exitcode.Check, "DIR/local/statements/000002-module.json: it was signed for hknso "+
		f.Sets[0].KNSO.Sum().String()[:8]+", and "+forged.Sum().String()[:8]+" is in force")
	for n := moduleA; n <= lastSeal; n++ {
		check(t, os.Remove(f.statement(n)))
	}
	if c := must(kmdata.Open(f.dir))(t); c.FirstHKNSO() == f.Chain.FirstHKNSO() {
		t.Error("the forged world has the hknso of the true one")
	}
}

// Files of two worlds in one folder.
func TestMergedWorlds(t *testing.T) {
	mine, other := copied(t), another(t)
	hknso := func(f *folder) string { return f.Sets[0].KNSO.Sum().String()[:8] }
	for name, c := range map[string]struct {
		mix  func(f *folder)
		want string
	}{
		"world file": {func(f *folder) { take(f, other, f.local("world")) },
			"DIR/local/statements/000002-module.json: it does not follow statement 1" + otherCopy},
		"a statement": {func(f *folder) { take(f, other, f.statement(seal)) },
			"DIR/local/statements/000007-seal.json: it does not follow statement 6" + otherCopy},
		"a statement, linked again": {func(f *folder) {
			take(f, other, f.statement(lastSeal))
			f.change(lastSeal, func(s statement.Statement) { header(s).Previous = f.Chain.Entries()[lastSeal-2].Sum })
			f.sign(f.statement(lastSeal), other.Sets[1].KNSO)
		}, "DIR/local/statements/000012-seal.json: it was signed for hknso " + other.Sets[1].KNSO.Sum().String()[:8] +
			", and " + mine.Sets[1].KNSO.Sum().String()[:8] + " is in force"},
		"a statement under the right hknso": {func(f *folder) {
			take(f, other, f.statement(lastSeal))
			f.change(lastSeal, func(s statement.Statement) {
				header(s).Previous, header(s).HKNSO = f.Chain.Entries()[lastSeal-2].Sum, f.Sets[1].KNSO.Sum()
			})
			f.sign(f.statement(lastSeal), other.Sets[1].KNSO)
		}, "DIR/local/statements/000012-seal.json: " +
			"the signature 000012-seal.sig" + notSigned},
		"the statements behind its own": {func(f *folder) {
			f.cutBehind(seal)
			for n := cards; n <= lastSeal; n++ {
				take(f, other, f.statement(n))
			}
		}, "DIR/local/statements/000008-cards.json: it does not follow statement 7" + otherCopy},
		"both of one number": {func(f *folder) {
			from := other.statement(lastSeal)
			to := strings.Replace(f.statement(lastSeal), "seal", "origin", 1)
			f.write(to, f.read(from))
		}, "two statements have the number 12: DIR/local/statements/000012-origin.json and 000012-seal.json: a fork"},
		"another's cards after its own": {func(f *folder) {
			f.cutBehind(seal)
			take(f, other, f.statement(cards))
			f.change(cards, func(s statement.Statement) {
				header(s).Previous, header(s).HKNSO = f.Chain.Entries()[seal-1].Sum, f.Sets[0].KNSO.Sum()
			})
			f.write(kmdata.SecondPath(f.statement(cards)), must(other.Sets[1].KNSO.Sign(f.read(f.statement(cards))))(f))
			f.sign(f.statement(cards), other.Sets[0].KNSO)
		}, "DIR/local/statements/000008-cards.json: " +
			"the signature 000008-cards.sig" + notSigned},
	} {
		t.Run(name, func(t *testing.T) {
			f := copied(t)
			c.mix(f)
			_, err := kmdata.Open(f.dir)
			f.refused(err, exitcode.Check, c.want)
		})
	}
	if hknso(mine) == hknso(other) {
		t.Error("two worlds of one hknso")
	}
}

// take puts the other folder's file of that name, and its signatures, into f.
func take(f, other *folder, path string) {
	f.Helper()
	from := strings.Replace(path, f.dir, other.dir, 1)
	for _, name := range []func(string) string{func(p string) string { return p }, kmdata.SignaturePath,
		kmdata.SecondPath} {
		data, err := os.ReadFile(name(from))
		if err == nil {
			f.write(name(path), data)
		}
	}
}

// Two copies of one world that went on apart are a fork.
func TestForkOfOneWorld(t *testing.T) {
	f, g := copied(t), copied(t)
	must(f.reopened().Seal())(t)
	other := g.reopened()
	must(other.Restate(f.a))(t)
	take(f, g, f.dir+"/local/statements/000013-module.json")
	_, err := kmdata.Open(f.dir)
	f.refused(err, exitcode.Check,
		"two statements have the number 13: DIR/local/statements/000013-module.json and 000013-seal.json: a fork")
}
