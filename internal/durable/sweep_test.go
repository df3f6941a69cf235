package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
)

// TestSweepInterrupted removes what a killed process leaves, and nothing else.
func TestSweepInterrupted(t *testing.T) {
	dir := t.TempDir()
	wantOK(t, os.MkdirAll(filepath.Join(dir, "below"), 0o700))
	unfinished := NewSet()
	defer unfinished.Discard()
	createIn(t, unfinished, filepath.Join(dir, "head")) // its writer lives
	kept := list(t, dir)
	for name, content := range map[string]string{
		"kept": "k", ".kept.tmp-short": "s", "kept.tmp-ABCDEFGHIJ27": "v", ".kept.tmp-abcdefghij27": "l",
	} {
		put(t, dir, name, content)
		kept = append(kept, name+"="+content)
	}
	wantOK(t, os.Mkdir(filepath.Join(dir, ".folder.tmp-ABCDEFGHIJ27"), 0o700))
	kept = append(kept, ".folder.tmp-ABCDEFGHIJ27/")
	put(t, dir, ".head.tmp-ABCDEFGHIJ27", "half")
	put(t, dir, "below/.head.tmp-ABCDEFGHIJ27", "")
	swept, err := Sweep(dir)
	wantOK(t, err)
	slices.Sort(swept)
	want := []string{filepath.Join(dir, ".head.tmp-ABCDEFGHIJ27"), filepath.Join(dir, "below/.head.tmp-ABCDEFGHIJ27")}
	if !slices.Equal(swept, want) {
		t.Errorf("swept %q", swept)
	}
	got := list(t, dir)
	slices.Sort(got)
	slices.Sort(kept)
	if !slices.Equal(got, kept) {
		t.Errorf("kept %q, want %q", got, kept)
	}
	if swept, err := Sweep(filepath.Join(dir, "nowhere")); err != nil || swept != nil {
		t.Errorf("%q, %v", swept, err)
	}
}

// TestInterruptedBeside: what a killed process left of a file goes when it is written again,
// or is about to be; what it left of another stays.
func TestInterruptedBeside(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(path string) error
		want  []string
	}{
		{"a new file", func(path string) error { return WriteFile(path, []byte("new"), 0o600) }, []string{"card=new"}},
		{"a file that may be there", func(path string) error { return Replace(path, []byte("new"), 0o600) },
			[]string{"card=new"}},
		{"a trial", Writable, nil},
	} {
		dir := t.TempDir()
		put(t, dir, ".card.tmp-ABCDEFGHIJ27", "half a secret")
		put(t, dir, ".other.tmp-ABCDEFGHIJ27", "half")
		wantOK(t, c.write(filepath.Join(dir, "card")))
		wantFiles(t, dir, append([]string{".other.tmp-ABCDEFGHIJ27=half"}, c.want...)...)
	}
}

// TestConcurrentWriter: a temporary stays while its writer lives, also once the
// set is being committed.
func TestConcurrentWriter(t *testing.T) {
	dir := t.TempDir()
	slow := prepared(t, dir, "slow")
	defer slow.Discard()
	for _, f := range slow.files {
		wantOK(t, f.finish())
	}
	before := list(t, dir)
	found.forget(dir)
	wantOK(t, Writable(filepath.Join(dir, "head")))
	if got := list(t, dir); !slices.Equal(got, before) {
		t.Errorf("%q, want %q", got, before)
	}
	wantOK(t, slow.Commit())
	wantFiles(t, dir, "head=slow", "manifest=slow", "sig=slow")
}

// forget makes the folder one that this process has not written to.
func (l *listings) forget(folder string) {
	l.Lock()
	defer l.Unlock()
	delete(l.folders, folder)
}

// TestSweepConcurrent has temporaries swept as fast as they are made: every file is
// written all the same.
func TestSweepConcurrent(t *testing.T) {
	dir := t.TempDir()
	const writers, each = 4, 50
	var writing, sweeping sync.WaitGroup
	done := make(chan struct{})
	sweeping.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if _, err := Sweep(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
	})
	for i := range writers {
		writing.Go(func() {
			for j := range each {
				wantOK(t, WriteFile(filepath.Join(dir, strconv.Itoa(i*each+j)), nil, 0o600))
			}
		})
	}
	writing.Wait()
	close(done)
	sweeping.Wait()
	if got := list(t, dir); len(got) != writers*each {
		t.Errorf("%d files of %d", len(got), writers*each)
	}
}
