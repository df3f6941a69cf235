package keykind_test

import (
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/keykind"
)

func TestPossessionText(t *testing.T) {
	want := "byok proof of possession v1\nchallenge\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
	if got := string(keykind.PossessionText("challenge", fingerprint.Of(nil))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
