package rig

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// changing is what differs from run to run in a message, and what stands for it.
var changing = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "SHA256"},
	{regexp.MustCompile(`\b[0-9a-f]{32}\b`), "MODULE"},
	{regexp.MustCompile(`serial [0-9a-f]{16}\b`), "serial SERIAL"},
	{regexp.MustCompile(`(hknso|not) [0-9a-f]{8}\b`), "$1 HKNSO"},
	{regexp.MustCompile(`/tmp/byok-token-[0-9a-f]{16}\.lock`), "TOKEN.lock"},
}

// Plain is a message with stand-ins for what differs from run to run: DIR is
// kmdata, CARD1 and so on the cards, LIBRARY the library.
func (r *Rig) Plain(text string) string {
	text = strings.ReplaceAll(text, r.Dir, "DIR")
	for i, folder := range r.Folders {
		text = strings.ReplaceAll(text, folder, "CARD"+strconv.Itoa(i+1))
	}
	text = strings.ReplaceAll(text, r.Library, "LIBRARY")
	if theStage.dir != "" {
		text = strings.ReplaceAll(text, theStage.dir, "STAGE")
	}
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.by)
	}
	return text
}

// Refused holds an error to its status and its whole text, as [Rig.Plain] gives
// it. hint is the whole hint, too.
func (r *Rig) Refused(t testing.TB, err error, code exitcode.Code, text, hint string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want %q", text)
		return
	}
	if got := r.Plain(err.Error()); got != text {
		t.Errorf("error\n %s\nwant\n %s", got, text)
	}
	if got := r.Plain(exitcode.HintOf(err)); got != hint {
		t.Errorf("hint\n %s\nwant\n %s", got, hint)
	}
	if got := exitcode.Of(err); got != code {
		t.Errorf("status %d, want %d (%v)", got, code, err)
	}
}

// Heard holds what was said, or warned of, to the texts, in their order; others
// may be between.
func (r *Rig) Heard(t testing.TB, what []string, texts ...string) {
	t.Helper()
	for _, line := range what {
		if len(texts) > 0 && r.Plain(line) == texts[0] {
			texts = texts[1:]
		}
	}
	if len(texts) > 0 {
		t.Errorf("not heard: %q\nin %q", texts, what)
	}
}
