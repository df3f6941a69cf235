package approval

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
	"byok/internal/transfer"
	"byok/internal/worlds"
)

// newWorld is a security world in software, in a folder of its own.
func newWorld(t *testing.T) *softworld.World {
	t.Helper()
	w, err := softworld.New(t.TempDir(), softworld.Options{Label: "Contoso"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// forkOf is the same world in the hands of somebody who kept a copy of kmdata
// and a quorum of its cards.
func forkOf(t *testing.T, w *softworld.World) *softworld.World {
	t.Helper()
	fork := *w
	fork.Dir = t.TempDir()
	if err := os.CopyFS(fork.Dir, os.DirFS(w.Dir)); err != nil {
		t.Fatal(err)
	}
	var err error
	if fork.Chain, err = kmdata.Open(fork.Dir); err != nil {
		t.Fatal(err)
	}
	return &fork
}

func replaceCards(t *testing.T, w *softworld.World) {
	t.Helper()
	if err := w.ReplaceCards(w.Module()); err != nil {
		t.Fatal(err)
	}
}

// packageOf writes the package of a fresh key and returns the path of its .byok.
func packageOf(t *testing.T, w *softworld.World, name string) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := softworld.KeyOf(private)
	if err != nil {
		t.Fatal(err)
	}
	kek, err := softworld.NewKEK("https://contoso.vault.azure.net")
	if err != nil {
		t.Fatal(err)
	}
	copies, err := w.Transfer(softworld.Request{Ident: name, Key: key, KEK: kek, Name: name, KeyOps: []string{"sign"}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := transfer.Make(w.Chain, transfer.Request{
		Copy:           copies[0],
		SubscriptionID: "00000000-0000-0000-0000-000000000000",
		Generator:      "test",
	}, w.KML[w.Module()])
	if err != nil {
		t.Fatal(err)
	}
	paths, err := p.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return paths[0]
}

// away is a terminal without a person.
type away struct{}

func (away) Interactive() bool                  { return false }
func (away) Ask(string, string) (string, error) { return "", errors.New("asked") }
func (away) Say(string, ...any)                 {}
func (away) Warning(string, ...any)             {}

// keeper is unattended, and given is the hknso on the command line.
func keeper(t *testing.T, store *worlds.Store, given fingerprint.Sum) worlds.Keeper {
	t.Helper()
	k := worlds.Keeper{Store: store, By: "ada@host", UI: away{}, Now: time.Now}
	if !given.IsZero() {
		k.Given = fingerprint.Whole(given)
	}
	return k
}

func expect(t *testing.T, what string, err error, code exitcode.Code, text string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != code {
		t.Errorf("%s:\n got status %d, %v\nwant status %d, %s", what, exitcode.Of(err), err, code, text)
	}
}

func TestRead(t *testing.T) {
	w := newWorld(t)
	file, hknso := packageOf(t, w, "payroll"), w.Chain.HKNSO()
	store := worlds.NewStore(t.TempDir())
	_, err := Read(file, keeper(t, store, fingerprint.Sum{}))
	expect(t, "unknown", err, exitcode.Refused,
		file+": the world is not known on this workstation, and there is no terminal to ask for its hknso")
	for _, given := range []fingerprint.Sum{hknso, {}} { // given once, known from then on
		p, err := Read(file, keeper(t, store, given))
		if err != nil {
			t.Fatal(err)
		}
		blob, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(p.Blob()) != string(blob) || p.SHA256() != fingerprint.Of(blob) || p.File() != file {
			t.Errorf("%+v", p)
		}
		if p.World().Label != "Contoso" || p.World().Current().SHA256 != hknso || p.Facts().Pair.Ident != "payroll" {
			t.Errorf("%+v, %+v", p.World(), p.Facts())
		}
		want := statement.Target{Vault: "https://contoso.vault.azure.net", Name: "payroll", KeyOps: []string{"sign"}}
		if found := Differences(want, p.Approved()); found != "" {
			t.Error(found)
		}
	}
	_, err = Read(file, keeper(t, store, newWorld(t).Chain.HKNSO()))
	expect(t, "another world", err, exitcode.Check,
		file+": --hknso: the package comes from a different world than the one named: its hknso differs")
}

// TestReplacedCards follows a world through a replacement of its cards: its new
// hknso is compared again, and packages of the old cards are over.
func TestReplacedCards(t *testing.T) {
	w := newWorld(t)
	old, first := packageOf(t, w, "payroll"), w.Chain.HKNSO()
	store := worlds.NewStore(t.TempDir())
	if _, err := Read(old, keeper(t, store, first)); err != nil {
		t.Fatal(err)
	}
	replaceCards(t, w)
	file := packageOf(t, w, "later")
	_, err := Read(file, keeper(t, store, fingerprint.Sum{}))
	expect(t, "not compared again", err, exitcode.Refused,
		file+": the world is not known on this workstation, and there is no terminal to ask for its hknso")
	_, err = Read(file, keeper(t, store, first))
	expect(t, "the old hknso", err, exitcode.Check, file+": --hknso: the package shows that this world's cards were "+
		"replaced: give the hknso that world replace-cards printed")
	p, err := Read(file, keeper(t, store, w.Chain.HKNSO()))
	if err != nil || p.World().First != first || len(p.World().HKNSO) != 2 ||
		p.World().Current().SHA256 != w.Chain.HKNSO() {
		t.Errorf("%+v, %v", p.World(), err)
	}
	_, err = Read(old, keeper(t, store, fingerprint.Sum{}))
	expect(t, "of the old cards", err, exitcode.Refused,
		old+`: world "Contoso": its cards were replaced, and the package was authorized with the old ones`)
}

// TestRecordOfReplacedCards: a world's record shows that the old cards were in
// force when they authorized a package, to whoever knows the new hknso.
func TestRecordOfReplacedCards(t *testing.T) {
	w := newWorld(t)
	old, first := packageOf(t, w, "payroll"), w.Chain.HKNSO()
	before := forkOf(t, w)
	replaceCards(t, w)
	store, reader := worlds.NewStore(t.TempDir()), new(transfer.Reader)
	read := func(given fingerprint.Sum, records ...*kmdata.Chain) (Package, error) {
		return ReadAmong(reader, old, keeper(t, store, given), records)
	}
	_, err := read(fingerprint.Sum{}, w.Chain)
	expect(t, "unknown", err, exitcode.Refused,
		old+": the world is not known on this workstation, and there is no terminal to ask for its hknso")
	p, err := read(w.Chain.HKNSO(), newWorld(t).Chain, w.Chain)
	if err != nil || p.World().Current().SHA256 != w.Chain.HKNSO() || p.Facts().Current != first {
		t.Fatalf("%+v, %v", p.World(), err)
	}
	const over = `: world "Contoso": its cards were replaced, and the package was authorized with the old ones`
	_, err = read(fingerprint.Sum{})
	expect(t, "without a record", err, exitcode.Refused, old+over)
	_, err = read(fingerprint.Sum{}, before.Chain)
	expect(t, "a record from before", err, exitcode.Refused, old+over)
	// K old cards and kmdata of that time: an authorization that the record lacks
	forged := packageOf(t, before, "forged")
	_, err = ReadAmong(reader, forged, keeper(t, store, fingerprint.Sum{}), []*kmdata.Chain{w.Chain})
	expect(t, "forged with the old cards", err, exitcode.Refused, forged+over)
	// and a replacement of their own, whose hknso nobody has vouched for
	replaceCards(t, before)
	_, err = ReadAmong(reader, forged, keeper(t, store, fingerprint.Sum{}), []*kmdata.Chain{before.Chain})
	expect(t, "a forged record", err, exitcode.Refused,
		forged+": the world is not known on this workstation, and there is no terminal to ask for its hknso")
}

// TestOnce: every world is asked about once.
func TestOnce(t *testing.T) {
	w := &counted{err: errors.New("no")}
	once := Once(w)
	for _, label := range []string{"a", "b", "a", "b"} {
		if _, err := once.Trust(worlds.Claim{Label: label}, "file"); !errors.Is(err, w.err) {
			t.Errorf("%v", err)
		}
	}
	if w.asked != 2 {
		t.Errorf("%d times asked", w.asked)
	}
}

// counted counts how often it is asked.
type counted struct {
	err   error
	asked int
}

func (c *counted) Trust(worlds.Claim, string) (worlds.World, error) {
	c.asked++
	return worlds.World{}, c.err
}

// TestForgedReplacement has K of a replaced card set, and kmdata of that time,
// replace the cards by some of their own: that chain is as good as the genuine
// one to whoever knows the first hknso alone.
func TestForgedReplacement(t *testing.T) {
	w := newWorld(t)
	store := worlds.NewStore(t.TempDir())
	if _, err := Read(packageOf(t, w, "payroll"), keeper(t, store, w.Chain.HKNSO())); err != nil {
		t.Fatal(err)
	}
	thieves := forkOf(t, w)
	replaceCards(t, w)
	replaceCards(t, thieves)
	forged := packageOf(t, thieves, "stolen")
	_, err := Read(forged, keeper(t, store, fingerprint.Sum{}))
	expect(t, "while the first is known", err, exitcode.Refused,
		forged+": the world is not known on this workstation, and there is no terminal to ask for its hknso")
	if _, err := Read(packageOf(t, w, "later"), keeper(t, store, w.Chain.HKNSO())); err != nil {
		t.Fatal(err)
	}
	_, err = Read(forged, keeper(t, store, w.Chain.HKNSO()))
	expect(t, "with the genuine hknso", err, exitcode.Check,
		forged+": --hknso: the package comes from a different world than the one named: its hknso differs")
}

// TestReadRefuses has files that are missing, and a package that was altered.
func TestReadRefuses(t *testing.T) {
	w := newWorld(t)
	trusted := keeper(t, worlds.NewStore(t.TempDir()), w.Chain.HKNSO())
	_, err := Read("none.byok", trusted)
	expect(t, "missing", err, exitcode.Usage, "none.byok: no such file")

	file := packageOf(t, w, "payroll")
	manifest := strings.TrimSuffix(file, ".byok") + ".manifest.json"
	data, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	altered := strings.Replace(string(data), `"generator": "test"`, `"generator": "rest"`, 1)
	if err := os.WriteFile(manifest, []byte(altered), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Read(file, trusted)
	expect(t, "altered", err, exitcode.Check, manifest+": the signature "+
		filepath.Base(strings.TrimSuffix(manifest, ".json"))+".sig is not of this content by the KML that "+
		"KeyTransferPackage-payroll.module.json certifies")
}

// TestTrustInAnother has a world trusted that is not the package's.
func TestTrustInAnother(t *testing.T) {
	file := packageOf(t, newWorld(t), "payroll")
	_, err := Read(file, another{})
	expect(t, "another", err, exitcode.Check, strings.TrimSuffix(file, ".byok")+
		".world.json: the world's hknso is not the one named: it is another world, or its cards were replaced since")
}

type another struct{}

func (another) Trust(worlds.Claim, string) (worlds.World, error) {
	return worlds.World{HKNSO: []worlds.Entry{{SHA256: fingerprint.Of([]byte("another"))}}}, nil
}
