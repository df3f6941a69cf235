// Package serve runs a rehearsal vault for the length of a test. It imports
// nothing above package rehearsal, so that the tests of package vault can use
// it; package practice has more.
package serve

import (
	"context"
	"path/filepath"
	"testing"

	"byok/internal/rehearsal"
)

// Rehearsal runs the vault of c on a folder and a port of its own until t ends,
// and returns what a client needs, and the folder.
func Rehearsal(t testing.TB, c rehearsal.Config) (open *rehearsal.Client, dir string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c.State, c.Listen = filepath.Join(t.TempDir(), "vault"), "127.0.0.1:0"
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- rehearsal.Serve(ctx, c, func(rehearsal.Info) { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-done:
		done <- nil
		t.Fatal(err)
	}
	open, err := rehearsal.Open(c.State)
	if err != nil {
		t.Fatal(err)
	}
	return open, c.State
}
