//go:build linux

package ceremonytest

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// A screen as an ordinary terminal has it.
const screenRows, screenColumns = 24, 80

// The control sequences that the programs write, and what a transcript has in
// their place.
var controls = strings.NewReplacer(
	"\x1b[?1049h\x1b[2J\x1b[H", "[a screen of its own]\n",
	"\x1b[2J\x1b[H\x1b[?1049l", "\n[the screen as before]\n",
)

// progress is a line that was drawn and erased, which depends on the time.
var progress = regexp.MustCompile(`[^\n]*\r\x1b\[K`)

// transcript is what a terminal showed, for a reader: a screen of its own is
// marked, and a message that was wrapped is one line again, since where it breaks
// depends on the words of a hash.
func transcript(shown string) string {
	var lines []string
	shown = progress.ReplaceAllString(shown, "")
	for line := range strings.SplitSeq(controls.Replace(shown), "\n") {
		last := len(lines) - 1
		wrapped := strings.HasPrefix(line, "    ") && !strings.HasPrefix(line, "     ")
		if wrapped && last >= 0 && strings.HasPrefix(lines[last], "byok-o") {
			lines[last] += " " + line[4:]
			continue
		}
		lines = append(lines, line)
	}
	return regexp.MustCompile(`(?m)^ +[1-7]  [a-z-]+$`).ReplaceAllString(strings.Join(lines, "\n"), "   N  WORD")
}

// misfits lists what does not fit a screen: messages and questions that are wider,
// and controls that are longer. Results go to files as well and are not broken, and
// what a person types may be long.
func misfits(shown string) (all []string) {
	for line := range strings.SplitSeq(controls.Replace(shown), "\n") {
		line, _, typed := strings.Cut(line, ": ")
		if !typed && strings.HasPrefix(line, "byok-o") && utf8.RuneCountInString(line) > screenColumns {
			all = append(all, line)
		}
	}
	for _, page := range shownAlone.FindAllString(shown, -1) {
		if strings.Count(page, "\n") >= screenRows {
			all = append(all, page)
		}
	}
	return all
}

func TestTranscript(t *testing.T) {
	const shown = "byok-offline: warning: one two\n    three\n\x1b[?1049h\x1b[2J\x1b[H   1  acid\n\nnoted it: \x1b[2J\x1b[H\x1b[?1049l" +
		"byok-offline: done\n        a table\n"
	const want = "byok-offline: warning: one two three\n[a screen of its own]\n   N  WORD\n\nnoted it: \n[the screen as before]\n" +
		"byok-offline: done\n        a table\n"
	if got := transcript(shown); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if all := misfits(shown); all != nil {
		t.Errorf("%q", all)
	}
	if all := misfits("\x1b[?1049h" + strings.Repeat("\n", 24) + "\x1b[?1049l"); len(all) != 1 {
		t.Errorf("%q", all)
	}
}
