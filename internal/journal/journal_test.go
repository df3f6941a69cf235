package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/journal"
	"byok/internal/kmdata"
)

// note is what the operation of these tests writes down.
type note struct {
	What string `json:"what"`
	Far  bool   `json:"far"`
}

// work is an operation that keeps a list of its steps.
type work struct {
	dir   string
	steps []string
	fails map[string]error // by step
	dies  string           // the step in which the process ends
	done  bool
	keep  bool
}

type died struct{}

func newWork(t *testing.T) *work {
	t.Helper()
	w := &work{dir: t.TempDir(), fails: map[string]error{}}
	if err := os.Mkdir(kmdata.Local(w.dir), 0o700); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *work) step(name string) error {
	w.steps = append(w.steps, name)
	if w.dies == name {
		panic(died{})
	}
	return w.fails[name]
}

func (w *work) operation() journal.Operation[note] {
	return journal.Operation[note]{
		Name:  "work_a",
		Done:  func(n note) (bool, error) { return w.done, w.step("done? " + n.What) },
		Keep:  func(n note) bool { return w.keep && n.Far },
		Check: func() error { return w.step("check") },
		Undo:  func(n note) error { return w.step("undo " + n.What) },
		Do: func(n *note, save func() error) error {
			if err := w.step("do " + n.What); err != nil {
				return err
			}
			n.Far = true
			if err := save(); err != nil {
				return err
			}
			return w.step("finish")
		},
	}
}

// run runs the operation; a process that ends is reported as such.
func (w *work) run(what string) (before bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.New("died")
		}
	}()
	w.steps = nil
	return journal.Run(journal.Of(w.dir), w.operation(), note{What: what})
}

func (w *work) path() string { return filepath.Join(kmdata.Local(w.dir), ".work_a.pending") }

func (w *work) pending() bool {
	_, err := os.Stat(w.path())
	return err == nil
}

var errBroken = errors.New("broken")

func TestRun(t *testing.T) {
	for _, c := range []struct {
		name  string
		first func(*work) // the run before, "old"
		set   func(*work)
		steps string
		err   string
		hint  string
		done  bool
		left  bool
	}{
		{name: "plain", steps: "check, do new, finish"},
		{name: "check refuses", set: fails("check"), steps: "check", err: "broken"},
		{name: "do fails", set: fails("do new"), steps: "check, do new, undo new", err: "broken"},
		{name: "do fails late", set: fails("finish"), steps: "check, do new, finish, undo new", err: "broken"},
		{name: "undo fails", set: fails("finish", "undo new"), steps: "check, do new, finish, undo new", left: true,
			err: "broken; what was made so far is still there: broken", hint: "run the same command again: it removes that first"},
		{name: "behind a dead one", first: dies("finish"), steps: "done? old, undo old, check, do new, finish"},
		{name: "behind one that died at once", first: dies("do old"), steps: "done? old, undo old, check, do new, finish"},
		{name: "behind one that was done", first: dies("finish"), set: func(w *work) { w.done = true },
			steps: "done? old", done: true},
		{name: "done cannot tell", first: dies("finish"), set: fails("done? old"), steps: "done? old", err: "broken", left: true},
		{name: "undo of the dead one fails", first: dies("finish"), set: fails("undo old"),
			steps: "done? old, undo old", err: "broken", left: true},
		{name: "check refuses behind a dead one", first: dies("finish"), set: fails("check"),
			steps: "done? old, undo old, check", err: "broken"},
		{name: "kept after an error", set: both(keeps, fails("finish")), steps: "check, do new, finish", err: "broken", left: true},
		{name: "not far enough to be kept", set: both(keeps, fails("do new")),
			steps: "check, do new, undo new", err: "broken"},
		{name: "kept from a dead one", first: both(keeps, dies("finish")), steps: "done? old, check, do new, finish"},
		{name: "kept while check refuses", first: both(keeps, dies("finish")), set: fails("check"),
			steps: "done? old, check", err: "broken", left: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWork(t)
			if c.first != nil {
				c.first(w)
				if _, err := w.run("old"); err == nil || err.Error() != "died" || !w.pending() {
					t.Fatalf("the first run: %v, pending %t", err, w.pending())
				}
				w.dies = ""
			}
			if c.set != nil {
				c.set(w)
			}
			before, err := w.run("new")
			if got := strings.Join(w.steps, ", "); got != c.steps {
				t.Errorf("steps %s", got)
			}
			if text(err) != c.err || exitcode.HintOf(err) != c.hint {
				t.Errorf("error %q, hint %q", text(err), exitcode.HintOf(err))
			}
			if before != c.done || w.pending() != c.left {
				t.Errorf("done before %t, pending %t", before, w.pending())
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func fails(steps ...string) func(*work) {
	return func(w *work) {
		for _, s := range steps {
			w.fails[s] = errBroken
		}
	}
}

func dies(step string) func(*work) { return func(w *work) { w.dies = step } }

func keeps(w *work) { w.keep = true }

func both(a, b func(*work)) func(*work) {
	return func(w *work) {
		a(w)
		b(w)
	}
}

// TestBareOperation needs nothing but Do.
func TestBareOperation(t *testing.T) {
	w := newWork(t)
	for _, err := range []error{errBroken, nil} {
		op := journal.Operation[note]{Name: "bare", Do: func(*note, func() error) error { return err }}
		if _, got := journal.Run(journal.Of(w.dir), op, note{}); !errors.Is(got, err) {
			t.Errorf("%v", got)
		}
	}
}

func TestNotesOnTheDisk(t *testing.T) {
	w := newWork(t)
	w.dies = "finish"
	_, _ = w.run("old")
	data, err := os.ReadFile(w.path())
	want := "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"what\": \"old\",\n    \"far\": true\n  }\n}\n"
	if err != nil || string(data) != want {
		t.Errorf("%v\n%s", err, data)
	}
	n, pending, err := journal.Pending[note](journal.Of(w.dir), "work_a")
	if err != nil || !pending || n != (note{"old", true}) {
		t.Errorf("%v %t %v", n, pending, err)
	}
	if err := journal.Of(w.dir).Clear("work_a"); err != nil || w.pending() {
		t.Errorf("clear: %v", err)
	}
	if err := journal.Of(w.dir).Clear("work_a"); err != nil {
		t.Errorf("clear what is not there: %v", err)
	}
	if _, pending, err = journal.Pending[note](journal.Of(w.dir), "work_a"); pending || err != nil {
		t.Errorf("after clear: %t %v", pending, err)
	}
}

// TestBadNotes stop an operation before anything is done.
func TestBadNotes(t *testing.T) {
	good := "{\n  \"type\": \"byok-pending\",\n  \"version\": 1,\n  \"note\": {\n    \"what\": \"old\",\n    \"far\": true\n  }\n}\n"
	for _, c := range []struct{ name, content, want string }{
		{"another type", strings.Replace(good, "byok-pending", "byok-key", 1),
			`PATH: type is "byok-key", expected "byok-pending"`},
		{"a later version", strings.Replace(good, `"version": 1`, `"version": 2`, 1),
			"PATH: version 2 of byok-pending, written by a later release; this one reads version 1"},
		{"other spelling", strings.Replace(good, "  ", " ", 1),
			"PATH: line 2 differs from what the program writes: a field is missing, null, out of order or spaced differently"},
		{"another field", strings.Replace(good, "what", "who", 1), "PATH: unknown field note.who"},
	} {
		w := newWork(t)
		if err := os.WriteFile(w.path(), []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := w.run("new")
		if got := strings.ReplaceAll(text(err), w.path(), "PATH"); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
		if exitcode.Of(err) != exitcode.Usage || len(w.steps) > 0 {
			t.Errorf("%s: status %d, steps %q", c.name, exitcode.Of(err), w.steps)
		}
	}
}

// TestUnwritableFolder does nothing where no note can be written, and says
// both errors where none can be cleared.
func TestUnwritableFolder(t *testing.T) {
	w := newWork(t)
	if err := os.RemoveAll(kmdata.Local(w.dir)); err != nil {
		t.Fatal(err)
	}
	_, err := w.run("new")
	if err == nil || !slices.Equal(w.steps, []string{"check"}) {
		t.Errorf("%v, steps %q", err, w.steps)
	}
	if err := os.Mkdir(kmdata.Local(w.dir), 0o700); err != nil {
		t.Fatal(err)
	}
	op := w.operation()
	op.Do = func(*note, func() error) error {
		if err := errors.Join(os.Remove(w.path()), os.MkdirAll(filepath.Join(w.path(), "in"), 0o700)); err != nil {
			t.Fatal(err)
		}
		return errBroken
	}
	_, err = journal.Run(journal.Of(w.dir), op, note{What: "new"})
	if want := "broken\nremove " + w.path() + ": directory not empty"; text(err) != want {
		t.Errorf("%q", text(err))
	}
	if _, err := w.run("new"); text(err) != w.path()+": a folder, not a file" {
		t.Errorf("%q", text(err))
	}
}
