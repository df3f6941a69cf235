package durable

import (
	"crypto/sha256"
	"errors"
	"fmt"
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
	if err := Append(path, 0o600, 100, func([]byte) ([]byte, error) { return nil, cause }); err != cause {
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
		wantOK(t, Append(dir+"/log", 0o600, 100, func(old []byte) ([]byte, error) {
			if string(old) != c.content {
				t.Errorf("%s: sees %q", c.name, old)
			}
			return fmt.Appendf(nil, "[%d]next", len(old)), nil
		}))
		wantFiles(t, dir, "log="+c.after)
		if data, err := ReadAppended(dir+"/log", 100); err != nil || string(data) != c.after {
			t.Errorf("%s: read back %q, %v", c.name, data, err)
		}
	}
}

func TestAppendTakesNoMoreThanItMay(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/log"
	put(t, dir, "log", "12345")
	never := func([]byte) ([]byte, error) { t.Error("asked for a line"); return nil, nil }
	const large = ": larger than the 4 bytes that such a file may have"
	wantErr(t, Append(path, 0o600, 4, never), exitcode.Failed, path+" cannot be appended to"+large)
	_, err := ReadAppended(path, 4)
	wantErr(t, err, exitcode.Failed, path+" cannot be read"+large)
	wantFiles(t, dir, "log=12345")

	_, err = ReadAppended(dir+"/none", 4)
	wantErr(t, err, exitcode.Failed, dir+"/none cannot be read: no such file or directory")
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("a missing file is not fs.ErrNotExist")
	}
}

// add appends a line, whatever is there.
func add(path, line string) error {
	return Append(path, 0o600, 1000, func([]byte) ([]byte, error) { return []byte(line), nil })
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
		if want, _ := link([]byte(last)); line != string(want) {
			t.Errorf("line %d is %s", i+1, line)
		}
		last = line
	}
	if len(lines) != sides*each {
		t.Errorf("%d lines", len(lines))
	}
}

// link is the hash of the last line.
func link(old []byte) ([]byte, error) {
	lines := strings.Split(strings.TrimSuffix(string(old), "\n"), "\n")
	return fmt.Appendf(nil, "%x", sha256.Sum256([]byte(lines[len(lines)-1]))), nil
}
