package kmdata_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
	"byok/internal/strictjson"
	"byok/internal/testkit/softworld"
)

// The statements of the fixture, by their numbers.
const (
	worldFile   = 1
	moduleA     = 2
	moduleB     = 3
	originRSA   = 4
	originAES   = 5
	approval    = 6 // of both keys, by the first card set
	seal        = 7
	cards       = 8
	moduleA2    = 9 // module A again, of the second card set; module B stays behind
	originEC    = 10
	newApproval = 11 // of the EC key, by the second card set
	lastSeal    = 12
)

// fixture is a world that many tests share. They work on copies of its folder.
type fixture struct {
	*softworld.World
	a, b string // modules
	err  error
}

var (
	fixtureOnce sync.Once
	shared      fixture
)

// kind looks a kind of key up.
func kind(t testing.TB, name string) keykind.Kind {
	t.Helper()
	return must(keykind.Parse(name))(t)
}

func buildFixture(dir string) (f fixture) {
	w, err := softworld.New(dir, softworld.Options{})
	if err != nil {
		return fixture{err: err}
	}
	f = fixture{World: w, a: w.Module()}
	keys := map[string]softworld.Key{}
	generate := func(ident, kind string) {
		k, err := keykind.Parse(kind)
		if f.err == nil {
			f.err = err
		}
		if f.err == nil {
			keys[ident], f.err = softworld.NewKey(k)
		}
		if f.err == nil {
			_, f.err = w.Generate(ident, keys[ident])
		}
	}
	step := func(do func() error) {
		if f.err == nil {
			f.err = do()
		}
	}
	exchange, err := softworld.NewKEK("https://contoso.vault.azure.net")
	f.err = err
	request := func(ident string) softworld.Request {
		return softworld.Request{Ident: ident, Key: keys[ident], KEK: exchange}
	}
	step(func() (err error) { f.b, err = w.Join(); return err })
	generate("rsa", "RSA-2048")
	generate("aes", "AES-256")
	step(func() error { _, err := w.Transfer(request("rsa"), request("aes")); return err })
	step(func() error { _, err := w.Seal(); return err })
	step(func() error { return w.ReplaceCards(f.a) })
	generate("ec", "P-384")
	step(func() error { _, err := w.Transfer(request("ec")); return err })
	step(func() error { _, err := w.Seal(); return err })
	return f
}

// world returns the fixture. No one may change its folder.
func world(t testing.TB) *fixture {
	t.Helper()
	fixtureOnce.Do(func() {
		dir, err := os.MkdirTemp("", "kmdata-test-")
		if err != nil {
			shared.err = err
			return
		}
		shared = buildFixture(dir)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return &shared
}

func TestMain(m *testing.M) {
	m.Run()
	if shared.World != nil {
		_ = os.RemoveAll(shared.Dir)
	}
}

// folder is a copy of the fixture's folder, to be attacked.
type folder struct {
	testing.TB
	*fixture
	dir string
}

func copied(t testing.TB) *folder {
	t.Helper()
	f := &folder{TB: t, fixture: world(t), dir: filepath.Join(t.TempDir(), "kmdata")}
	check(t, os.CopyFS(f.dir, os.DirFS(f.Dir)))
	return f
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		check(t, err)
		return value
	}
}

// refused fails the test unless err has the status and, the folder's path
// written as DIR, exactly the text.
func (f *folder) refused(err error, code exitcode.Code, want string) {
	f.Helper()
	refused(f.TB, f.dir, err, code, want)
}

// noFolder is for errors that name none.
const noFolder = "\x00"

func refused(t testing.TB, dir string, err error, code exitcode.Code, want string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error\nwant %s", want)
		return
	}
	if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := exitcode.Of(err); got != code {
		t.Errorf("status %d, want %d: %v", got, code, err)
	}
}

// reopened is the fixture's world on the copy, to go on with.
func (f *folder) reopened() *softworld.World {
	f.Helper()
	w := *f.World
	w.Dir, w.Chain = f.dir, must(kmdata.Open(f.dir))(f)
	return &w
}

// path is the path of a file of the copy, given a path of the fixture.
func (f *folder) path(of string) string { return strings.Replace(of, f.Dir, f.dir, 1) }

// statement is the path of a statement of the copy.
func (f *folder) statement(number int) string { return f.path(f.Chain.Entries()[number-1].Path) }

// local is the path of a file in the local folder of the copy.
func (f *folder) local(name string) string { return filepath.Join(kmdata.Local(f.dir), name) }

func (f *folder) read(path string) []byte {
	f.Helper()
	return must(os.ReadFile(path))(f)
}

func (f *folder) write(path string, data []byte) {
	f.Helper()
	check(f, os.WriteFile(path, data, 0o600))
}

func (f *folder) remove(paths ...string) {
	f.Helper()
	for _, path := range paths {
		check(f, os.Remove(path))
	}
}

// move renames a file and its signature.
func (f *folder) move(from, to string) {
	f.Helper()
	check(f, os.Rename(from, to))
	check(f, os.Rename(kmdata.SignaturePath(from), kmdata.SignaturePath(to)))
}

// sign writes the signature of a file again.
func (f *folder) sign(path string, signer kmdata.Signer) {
	f.Helper()
	f.write(kmdata.SignaturePath(path), must(signer.Sign(f.read(path)))(f))
}

// knso is the KNSO in force when the statement was signed.
func (f *folder) knso(number int) softworld.Signer {
	if number > cards {
		return f.Sets[1].KNSO
	}
	return f.Sets[0].KNSO
}

// edit changes a statement's text. No one signs it afterwards.
func (f *folder) edit(number int, old, text string) {
	f.Helper()
	path := f.statement(number)
	data := f.read(path)
	if bytes.Count(data, []byte(old)) < 1 {
		f.Fatalf("%s: there is no %q", path, old)
	}
	f.write(path, bytes.Replace(data, []byte(old), []byte(text), 1))
}

// change changes what a statement says, and signs it and all that follow with
// the world's own keys, as a quorum could.
func (f *folder) change(number int, change func(statement.Statement)) {
	f.Helper()
	var previous []byte
	for n := number; n <= lastSeal; n++ {
		path := f.statement(n)
		if _, err := os.Stat(path); err != nil {
			return // cut before
		}
		s := must(statement.Parse(path, f.read(path)))(f)
		if n == number {
			change(s)
		} else {
			f.relink(s, previous)
		}
		previous = must(strictjson.Marshal(s))(f)
		f.write(path, previous)
		f.signStatement(n)
	}
}

// signStatement signs a statement as it is.
func (f *folder) signStatement(number int) {
	f.Helper()
	path := f.statement(number)
	f.sign(path, f.knso(number))
	if number == cards {
		f.write(kmdata.SecondPath(path), must(f.Sets[1].KNSO.Sign(f.read(path)))(f))
	}
}

// cutBehind removes every statement behind the number.
func (f *folder) cutBehind(number int) {
	f.Helper()
	for n := number + 1; n <= lastSeal; n++ {
		f.remove(f.statement(n), kmdata.SignaturePath(f.statement(n)))
	}
}
