//go:build !linux || !(amd64 || arm64)

package confine

import (
	"runtime"
	"testing"

	"byok/internal/exitcode"
)

func TestApplySaysWhatIsMissing(t *testing.T) {
	want := runtime.GOOS + " on " + runtime.GOARCH + " cannot confine this program"
	for _, allowNetwork := range []bool{false, true} {
		err := Apply(allowNetwork)
		if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Failed ||
			exitcode.HintOf(err) != "run it on Linux, amd64 or arm64" {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	Harden()
	if status := Check(); len(status.Missing()) < len(unheld) || status.OK() {
		t.Errorf("%+v", status)
	}
}
