package durable

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"byok/internal/exitcode"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "world")
	wantOK(t, WriteFile(path, []byte("content"), 0o600))
	wantFiles(t, dir, "world=content")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestWriteFileNeverOverwrites(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", "first")
	if err := os.Mkdir(dir+"/folder", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"file", "folder", "link"} {
		err := WriteFile(dir+"/"+name, []byte("second"), 0o600)
		wantErr(t, err, exitcode.Refused, dir+"/"+name+" already exists and is never overwritten")
	}
	wantFiles(t, dir, "file=first", "folder/", "link->nowhere")
}

func TestWriteFileWithoutFolder(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "file", "no folder")
	wantErr(t, WriteFile(dir+"/none/x", nil, 0o600), exitcode.Failed, dir+
		"/none/x cannot be created: no such file or directory")
	wantErr(t, WriteFile(dir+"/file/x", nil, 0o600), exitcode.Failed, dir+"/file/x cannot be created: not a directory")
	long := dir + "/" + strings.Repeat("n", 250)
	wantErr(t, WriteFile(long, nil, 0o600), exitcode.Failed, long+" cannot be created: file name too long")
	wantFiles(t, dir, "file=no folder")
}

func TestRelativePath(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	wantOK(t, WriteFile("here", []byte("1"), 0o600))
	wantErr(t, WriteFile("here", nil, 0o600), exitcode.Refused, "here already exists and is never overwritten")
	wantFiles(t, dir, "here=1")
}

func TestSet(t *testing.T) {
	dir := t.TempDir()
	s := prepared(t, dir, "new")
	var temps []string
	for _, name := range list(t, dir) {
		if head, random, ok := strings.Cut(name, ".tmp-"); ok && strings.HasPrefix(head, ".") {
			temps = append(temps, strings.TrimPrefix(head, ".")+strings.Repeat("?", strings.Index(random, "=")))
		}
	}
	if got := strings.Join(temps, " "); got != "head???????????? manifest???????????? sig????????????" {
		t.Errorf("temporaries: %s", got)
	}
	wantOK(t, s.Commit())
	s.Discard()
	wantFiles(t, dir, "head=new", "manifest=new", "sig=new")
	wantOK(t, NewSet().Commit())
}

func TestSetDiscarded(t *testing.T) {
	dir := t.TempDir()
	s := prepared(t, dir, "new")
	s.Discard()
	s.Discard()
	wantFiles(t, dir)
}

// TestAfterAnInterruptedRun: its companions do not disturb, and its temporaries go.
func TestAfterAnInterruptedRun(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, ".head.tmp-ABCDEFGHIJ27", "half")
	put(t, dir, ".sig.tmp-ABCDEFGHIJ27", "half")
	put(t, dir, "manifest", "of the other run")
	s := prepared(t, dir, "new")
	wantOK(t, s.Commit())
	wantFiles(t, dir, "head=new", "manifest=new", "sig=new")
}

func TestSetRefused(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "head", "old")
	s := NewSet()
	defer s.Discard()
	_, err := s.Create(dir+"/head", 0o600)
	wantErr(t, err, exitcode.Refused, filepath.Join(dir, "head")+" already exists and is never overwritten")

	if err := os.Mkdir(dir+"/folder", 0o700); err != nil {
		t.Fatal(err)
	}
	createIn(t, s, dir+"/other")
	_, err = s.Create(dir+"/folder", 0o600)
	wantErr(t, err, exitcode.Refused, dir+"/folder already exists and is never overwritten")
}

// TestOvertaken: what appears between Create and Commit stays untouched.
func TestOvertaken(t *testing.T) {
	dir := t.TempDir()
	s := prepared(t, dir, "late")
	put(t, dir, "head", "early")
	put(t, dir, "sig", "early")
	wantErr(t, s.Commit(), exitcode.Refused, filepath.Join(dir, "head")+" already exists and is never overwritten")
	s.Discard()
	wantFiles(t, dir, "head=early", "sig=early")
}

func TestCompanionInTheWay(t *testing.T) {
	dir := t.TempDir()
	s := prepared(t, dir, "new")
	if err := os.Mkdir(dir+"/sig", 0o700); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.Commit(), exitcode.Failed, dir+"/sig cannot be put into place: file exists")
	s.Discard()
	wantFiles(t, dir, "sig/")
}

func TestFolderGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "usb")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := prepared(t, dir, "new")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.Commit(), exitcode.Failed, dir+"/head cannot be put into place: no such file or directory")
	s.Discard()
}

// TestClosedEarly stands for a medium that fails: every error of write, sync
// and close comes back, and again from Commit.
func TestClosedEarly(t *testing.T) {
	dir := t.TempDir()
	s := NewSet()
	f := createIn(t, s, dir+"/head")
	if err := f.file.Close(); err != nil {
		t.Fatal(err)
	}
	want := dir + "/head cannot be written: file already closed"
	wantErr(t, s.Commit(), exitcode.Failed, want)
	_, err := f.Write([]byte("x"))
	wantErr(t, err, exitcode.Failed, want)
	wantErr(t, s.Commit(), exitcode.Failed, want)
	s.Discard()
	wantFiles(t, dir)
}

// TestConcurrentSets: one run wins, and all files are its own.
func TestConcurrentSets(t *testing.T) {
	dir := t.TempDir()
	const runs = 16
	errs := make([]error, runs)
	sets := make([]*Set, runs)
	for i := range sets {
		sets[i] = prepared(t, dir, fmt.Sprint(i))
	}
	var wait sync.WaitGroup
	for i, s := range sets {
		wait.Go(func() {
			defer s.Discard()
			errs[i] = s.Commit()
		})
	}
	wait.Wait()
	winner := slices.Index(errs, nil)
	for i, err := range errs {
		if i != winner {
			wantErr(t, err, exitcode.Refused, filepath.Join(dir, "head")+" already exists and is never overwritten")
		}
	}
	wantFiles(t, dir, fmt.Sprintf("head=%d", winner), fmt.Sprintf("manifest=%d", winner), fmt.Sprintf("sig=%d", winner))
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/state"
	wantOK(t, Replace(path, []byte("1"), 0o600))
	wantOK(t, Replace(path, []byte("2"), 0o600))
	wantFiles(t, dir, "state=2")
	if err := os.Mkdir(dir+"/folder", 0o700); err != nil {
		t.Fatal(err)
	}
	wantErr(t, Replace(dir+"/folder", nil, 0o600), exitcode.Failed, dir+"/folder cannot be put into place: file exists")
	wantErr(t, Replace(dir+"/none/state", nil, 0o600), exitcode.Failed, dir+
		"/none/state cannot be created: no such file or directory")
	wantFiles(t, dir, "folder/", "state=2")
}

// prepared returns a set of three files with the same content, uncommitted.
func prepared(t *testing.T, dir, content string) *Set {
	t.Helper()
	s := NewSet()
	for _, name := range []string{"head", "manifest", "sig"} {
		if _, err := createIn(t, s, filepath.Join(dir, name)).Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func createIn(t *testing.T, s *Set, path string) *File {
	t.Helper()
	f, err := s.Create(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// list describes a folder as name=content, name/ or name->target.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if target, err := os.Readlink(path); err == nil {
			all = append(all, e.Name()+"->"+target)
		} else if content, err := os.ReadFile(path); err == nil {
			all = append(all, e.Name()+"="+string(content))
		} else {
			all = append(all, e.Name()+"/")
		}
	}
	return all
}

func wantFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := list(t, dir); !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
}

func wantOK(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func wantErr(t *testing.T, err error, code exitcode.Code, text string) {
	t.Helper()
	if err == nil || err.Error() != text || exitcode.Of(err) != code {
		t.Errorf("got %v (status %d), want %s (status %d)", err, exitcode.Of(err), text, code)
	}
}
