package durable

import (
	"crypto/sha256"
	"errors"
	"fmt"
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
		wantOK(t, Append(path, []byte(line), 0o600))
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
		wantErr(t, Append(path, []byte(line), 0o600), exitcode.Failed, path+" cannot be appended to: a line end inside the line")
	}
	wantErr(t, Append(dir, nil, 0o600), exitcode.Failed, dir+" cannot be appended to: is a directory")
	wantErr(t, Append(path+"/x", nil, 0o600), exitcode.Failed, path+"/x cannot be appended to: not a directory")
	cause := errors.New("no line")
	if err := AppendAfter(path, 0o600, func([]byte) ([]byte, error) { return nil, cause }); err != cause {
		t.Errorf("%v", err)
	}
	wantFiles(t, dir, "log=one\n")
}

func TestAppendAfterSeesTheLastLine(t *testing.T) {
	for content, want := range map[string]struct{ last, after string }{
		"":              {"", "[]next\n"},
		"one\n":         {"one", "one\n[one]next\n"},
		"one\ntwo\n":    {"two", "one\ntwo\n[two]next\n"},
		"one\n\n":       {"", "one\n\n[]next\n"},
		"one\ncut shor": {"cut shor", "one\ncut shor\n[cut shor]next\n"},
		"cut":           {"cut", "cut\n[cut]next\n"},
	} {
		dir := t.TempDir()
		put(t, dir, "log", content)
		wantOK(t, AppendAfter(dir+"/log", 0o600, func(last []byte) ([]byte, error) {
			if string(last) != want.last || (last == nil) != (content == "") {
				t.Errorf("%q: last line %q", content, last)
			}
			return fmt.Appendf(nil, "[%s]next", last), nil
		}))
		wantFiles(t, dir, "log="+want.after)
	}
}

// TestConcurrentAppend builds a hash chain from many sides at once.
func TestConcurrentAppend(t *testing.T) {
	path := t.TempDir() + "/log"
	const sides, each = 8, 8
	var wait sync.WaitGroup
	for range sides {
		wait.Go(func() {
			for range each {
				if err := AppendAfter(path, 0o600, link); err != nil {
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

func link(last []byte) ([]byte, error) { return fmt.Appendf(nil, "%x", sha256.Sum256(last)), nil }
