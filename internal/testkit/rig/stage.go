package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"byok/internal/cards"
	"byok/internal/hsm"
	"byok/internal/hsm/probe"
	"byok/internal/hsm/shim"
	"byok/internal/keys"
	"byok/internal/session"
	"byok/internal/testkit/ramdisk"
	"byok/internal/testkit/softhsm"
	"byok/internal/world"
)

// Making a world takes seconds, copying one takes none: each form of world is
// made once a test program and copied for every test. Statements name the
// library's configuration by its path, so all copies use that of the stage, one
// after the other: tests with a world do not run in parallel.
//
// Every rig works through the shim, which forwards all calls to SoftHSM until a
// test tells it to fail: see package hsm/shim for its switches. It bears
// SoftHSM's name, so that it is taken for a library of that family, and makes
// RSA keys short, or fixed, that last no longer than a login: most of the time
// of a test went there.

// stage is a folder with the token store and a copy of each form, and one with
// the shim: what is in memory may not be loaded as a library.
type stage struct {
	dir       string
	libraries string
	once      sync.Once
	err       error
	forms     map[string]*saved
}

// saved is a world as it was made.
type saved struct {
	log    []string
	tokens string // folders, as they were
	kmdata string
}

var theStage = stage{forms: map[string]*saved{}}

// remove removes the stage at the end of the test program.
func (s *stage) remove() {
	for _, dir := range []string{s.dir, s.libraries} {
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}
}

// enter empties the token store and points SoftHSM at it.
func (s *stage) enter(t testing.TB) {
	t.Helper()
	s.once.Do(func() { s.err = s.make(t) })
	OK(t, s.err)
	for _, left := range []string{s.tokens(), s.away(), filepath.Join(s.dir, "softhsm2.conf")} {
		OK(t, os.RemoveAll(left))
	}
	conf, err := softhsm.Configure(s.dir)
	OK(t, err)
	t.Setenv("SOFTHSM2_CONF", conf)
	t.Setenv("SHIM_MODULE", Library(t))
	t.Setenv("SHIM_SHORT_RSA", probe.Label)
	t.Setenv("SHIM_FIXED_RSA", "byok-session") // what opens a backup
}

// make makes the folders, and puts the shim into its own.
func (s *stage) make(t testing.TB) (err error) {
	if s.dir, err = ramdisk.Make(); err != nil {
		return err
	}
	if s.libraries, err = os.MkdirTemp("", "byok-rig-"); err != nil {
		return err
	}
	data, err := os.ReadFile(shim.Build(t))
	if err != nil {
		return err
	}
	return os.WriteFile(s.library(), data, 0o700)
}

func (s *stage) library() string { return filepath.Join(s.libraries, "libsofthsm2.so") }

func (s *stage) tokens() string { return filepath.Join(s.dir, "tokens") }

// world returns a copy of the world with the name, which is made on what build
// gives, and completed by prepare.
func (s *stage) world(t testing.TB, name string, build func() *Rig, prepare func(r *Rig) error) *Rig {
	t.Helper()
	s.enter(t)
	if s.forms[name] == nil {
		r := build()
		_, err := world.Create(r.Creation(2))
		OK(t, err)
		OK(t, prepare(r))
		s.save(t, name, r)
		s.enter(t)
	}
	r, from := build(), s.forms[name]
	OK(t, os.RemoveAll(s.tokens()))
	OK(t, os.CopyFS(s.tokens(), os.DirFS(from.tokens)))
	OK(t, os.CopyFS(r.Dir, os.DirFS(from.kmdata)))
	for i, folder := range r.Folders {
		OK(t, os.CopyFS(folder, os.DirFS(s.card(name, i))))
	}
	r.Log.Lines = append([]string{}, from.log...)
	return r
}

func (s *stage) card(name string, i int) string {
	return filepath.Join(s.dir, name, fmt.Sprint("card", i))
}

// save keeps a world that was just made.
func (s *stage) save(t testing.TB, name string, r *Rig) {
	t.Helper()
	at := func(what string) string { return filepath.Join(s.dir, name, what) }
	OK(t, os.CopyFS(at("tokens"), os.DirFS(s.tokens())))
	OK(t, os.CopyFS(at("kmdata"), os.DirFS(r.Dir)))
	for i, folder := range r.Folders {
		OK(t, os.CopyFS(s.card(name, i), os.DirFS(folder)))
	}
	s.forms[name] = &saved{log: r.Log.Lines, tokens: at("tokens"), kmdata: at("kmdata")}
}

// NewWorld returns a rehearsal world with a quorum of 2/3 on SoftHSM: guard
// trust, two-step form.
func NewWorld(t testing.TB) *Rig {
	t.Helper()
	return theStage.world(t, "plain", func() *Rig { return bare(t, 3) }, asItIs)
}

// NewKeyWorld is [NewWorld] with the P-256 key "first", made before the quorum.
func NewKeyWorld(t testing.TB) *Rig {
	t.Helper()
	return theStage.world(t, "key", func() *Rig { return bare(t, 3) }, withKey(t))
}

func asItIs(*Rig) error { return nil }

// withKey makes the key "first".
func withKey(t testing.TB) func(r *Rig) error {
	g := keys.Generation{Ident: "first", Spec: hsm.Spec{Kind: Kind(t, "P-256")}}
	return func(r *Rig) error {
		return r.Quorum(func(s *session.Quorum) error {
			_, err := keys.Quorum{Quorum: s}.Generate(g)
			return err
		})
	}
}

// NewOneCallWorld is [NewWorld] with CKM_RSA_AES_KEY_WRAP.
func NewOneCallWorld(t testing.TB) *Rig {
	t.Helper()
	t.Setenv("SHIM_RSA_AES", "1")
	return theStage.world(t, "onecall", func() *Rig { return bare(t, 3) }, asItIs)
}

// New makes an empty SoftHSM and n blank cards.
func New(t testing.TB, n int) *Rig {
	t.Helper()
	theStage.enter(t)
	return bare(t, n)
}

// Library is SoftHSM's, without symbolic links.
func Library(t testing.TB) string {
	t.Helper()
	library, err := softhsm.Library()
	OK(t, err)
	library, err = filepath.EvalSymlinks(library)
	OK(t, err)
	return library
}

// bare is a rig with kmdata and cards that are blank.
func bare(t testing.TB, n int) *Rig {
	t.Helper()
	r := &Rig{
		Library: theStage.library(), Dir: ramdisk.Folder(t), Label: "test world", Log: &Log{}, People: NewPeople(n),
		Holders: []string{"Ada", "Ben", "Cleo", "Dana", "Emil", "Fred"}[:n],
	}
	r.Log.Add("world create begins")
	r.NewCards(t, n)
	return r
}

// NewCards puts n blank cards in place of the rig's, and returns the old ones.
func (r *Rig) NewCards(t testing.TB, n int) (old []cards.Medium) {
	t.Helper()
	old, r.Folders = cards.Folders(r.Folders), nil
	for range n {
		r.Folders = append(r.Folders, ramdisk.Folder(t))
	}
	return old
}
