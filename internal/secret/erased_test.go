package secret

import "testing"

// TestErasedRuns: f has run when Erased returns, and its panic is not lost.
func TestErasedRuns(t *testing.T) {
	ran := false
	Erased(func() { ran = true })
	if !ran {
		t.Error("f did not run")
	}
	defer func() {
		if recover() != "stop" {
			t.Error("a panic was lost")
		}
	}()
	Erased(func() { panic("stop") })
}
