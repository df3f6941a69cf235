package durable

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"byok/internal/exitcode"
)

func TestAppend(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/log"
	for _, line := range []string{"one", "", "three"} {
		wantOK(t, add(path, line))
	}
	wantFiles(t, dir, "log=one\n\nthree\n")
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestAppendRefuses(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/log"
	put(t, dir, "log", "one\n")
	for _, line := range []string{"two\n", "two\nthree", "two\r"} {
		wantErr(t, add(path, line), exitcode.Failed, path+" cannot be appended to: a line end inside the line")
	}
	wantErr(t, add(dir, ""), exitcode.Failed, dir+" cannot be appended to: a folder, not a file")
	wantErr(t, add(path+"/x", ""), exitcode.Failed, path+"/x cannot be appended to: not a directory")
	cause := errors.New("no line")
	if err := Append(path, 0o600, 100, func(*io.SectionReader) ([]byte, error) { return nil, cause }); err != cause {
		t.Errorf("%v", err)
	}
	wantFiles(t, dir, "log=one\n")
}

func TestAppendSeesTheContent(t *testing.T) {
	for _, c := range []struct{ name, content, after string }{
		{"empty", "", "[0]next\n"},
		{"one line", "one\n", "one\n[4]next\n"},
		{"an empty line", "one\n\n", "one\n\n[5]next\n"},
		{"cut short", "one\ncut shor", "one\ncut shor\n[12]next\n"},
		{"cut short alone", "cut", "cut\n[3]next\n"},
	} {
		dir := t.TempDir()
		put(t, dir, "log", c.content)
		wantOK(t, Append(dir+"/log", 0o600, 100, func(old *io.SectionReader) ([]byte, error) {
			if data, err := io.ReadAll(old); err != nil || string(data) != c.content {
				t.Errorf("%s: sees %q, %v", c.name, data, err)
			}
			return fmt.Appendf(nil, "[%d]next", old.Size()), nil
		}))
		wantFiles(t, dir, "log="+c.after)
	}
}

// TestOpenAppended: who reads sees what was there, does not hold up who appends, and
// waits for one who is at it.
func TestOpenAppended(t *testing.T) {
	path := t.TempDir() + "/log"
	wantOK(t, add(path, "one"))
	var read *Appended
	opened := make(chan error)
	wantOK(t, Append(path, 0o600, 100, func(*io.SectionReader) ([]byte, error) {
		go func() {
			var err error
			read, err = OpenAppended(path, 100)
			opened <- err
		}()
		return []byte("two"), nil
	}))
	wantOK(t, <-opened)
	wantOK(t, add(path, "three"))
	data, err := io.ReadAll(read)
	wantOK(t, err)
	wantOK(t, read.Close())
	if string(data) != "one\ntwo\n" {
		t.Errorf("read %q", data)
	}
}

func TestAppendTakesNoMoreThanItMay(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/log"
	put(t, dir, "log", "12345")
	never := func(*io.SectionReader) ([]byte, error) { t.Error("asked for a line"); return nil, nil }
	const large = ": larger than the 4 bytes that such a file may have"
	wantErr(t, Append(path, 0o600, 4, never), exitcode.Failed, path+" cannot be appended to"+large)
	_, err := OpenAppended(path, 4)
	wantErr(t, err, exitcode.Failed, path+" cannot be read"+large)
	wantFiles(t, dir, "log=12345")

	_, err = OpenAppended(dir+"/none", 4)
	wantErr(t, err, exitcode.Failed, dir+"/none cannot be read: no such file or directory")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("a missing file is not fs.ErrNotExist")
	}
}

// add appends a line, whatever is there.
func add(path, line string) error {
	return Append(path, 0o600, 1000, func(*io.SectionReader) ([]byte, error) { return []byte(line), nil })
}

// TestConcurrentAppend builds a hash chain from many sides at once.
func TestConcurrentAppend(t *testing.T) {
	path := t.TempDir() + "/log"
	const sides, each = 8, 8
	var wait sync.WaitGroup
	for range sides {
		wait.Go(func() {
			for range each {
				if err := Append(path, 0o600, 10_000, link); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for i, line := range lines {
		if want := linkOf(last); line != want {
			t.Errorf("line %d is %s", i+1, line)
		}
		last = line
	}
	if len(lines) != sides*each {
		t.Errorf("%d lines", len(lines))
	}
}

// link is the hash of the last line.
func link(old *io.SectionReader) ([]byte, error) {
	data, err := io.ReadAll(old)
	return []byte(linkOf(string(data))), err
}

func linkOf(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return fmt.Sprintf("%x", sha256.Sum256([]byte(lines[len(lines)-1])))
}
