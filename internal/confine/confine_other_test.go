//go:build !linux || !(amd64 || arm64)

package confine

import (
	"runtime"
	"testing"

	"byok/internal/exitcode"
)

func TestApplySaysWhatIsMissing(t *testing.T) {
	err := Apply(false)
	want := runtime.GOOS + " on " + runtime.GOARCH + " cannot refuse this program a network"
	if err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Failed || exitcode.HintOf(err) != "run it on Linux, amd64 or arm64" {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := Apply(true); err != nil {
		t.Error(err)
	}
	status := Check()
	if len(status.Rows()) != 3 || status.OK() {
		t.Errorf("%+v", status)
	}
}
