//go:build unix

package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLockTemporary: the file is there while the lock is held, says by whom, and
// goes with it; what a killed process left is taken over.
func TestLockTemporary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token.lock")
	for _, left := range []string{"", "a session that was killed\n"} {
		if left != "" {
			put(t, filepath.Dir(path), "token.lock", left)
		}
		release, err := LockTemporary(path, "we")
		if err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "we\n" {
			t.Errorf("%q, %v", data, err)
		}
		var held InUse
		if _, err := LockTemporary(path, "they"); !errors.As(err, &held) || held.By != "we" {
			t.Errorf("a second one: %v", err)
		}
		release()
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after the release: %v", err)
		}
	}
	if _, err := LockTemporary(filepath.Join(path, "none"), "we"); err == nil {
		t.Error("a folder that is not there")
	}
}

// TestLockTemporaryIsOne has many take the lock of one name, again and again:
// whoever removes the file, no two of them have it at once.
func TestLockTemporaryIsOne(t *testing.T) {
	const takers, turns = 8, 200
	path := filepath.Join(t.TempDir(), "lock")
	var within, twice atomic.Int64
	var all sync.WaitGroup
	for range takers {
		all.Go(func() {
			for taken := 0; taken < turns; {
				release, err := LockTemporary(path, "a taker")
				if err != nil {
					runtime.Gosched()
					continue
				}
				if within.Add(1) > 1 {
					twice.Add(1)
				}
				runtime.Gosched()
				within.Add(-1)
				release()
				taken++
			}
		})
	}
	all.Wait()
	if n := twice.Load(); n > 0 {
		t.Errorf("%d of %d times two had the lock", n, takers*turns)
	}
}
