//go:build unix

package command_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
)

// full is a stdout that takes only so many bytes.
type full struct{ room int }

func (f *full) Write(p []byte) (int, error) {
	if f.room -= len(p); f.room < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

// TestStdoutFails: an answer that no one got is not a success; the record tells
// what was done.
func TestStdoutFails(t *testing.T) {
	for name, c := range map[string]struct {
		room int
		args []string
		f    command.Func
		want answer
	}{
		"result": {0, []string{"change"}, given, answer{1, "",
			"byok-test: error: the result could not be printed: no space left on device\n"}},
		"result line": {1, []string{"change"}, given, answer{1, "",
			"byok-test: error: the result could not be printed: no space left on device\n"}},
		"JSON": {5, []string{"change", "--output", "json"}, given, answer{1, "",
			"byok-test: error: the result could not be printed: no space left on device\n"}},
		"failure too": {0, []string{"change"}, failing(exitcode.Errorf(exitcode.HSM, "broken")),
			answer{4, "", "byok-test: error: broken\nbyok-test: error: the result could not be printed: no " +
				"space left on device\n"}},
	} {
		dir := kmdata(t)
		p := program(c.f)
		var said strings.Builder
		p.Console.Out, p.Console.Err = &full{c.room}, &said
		status := p.Main(context.Background(), c.args)
		wantAnswer(t, name, answer{status, "", said.String()}, c.want)
		if e := last(t, dir); (e.Result == ceremony.Success) != (c.want.status == 1) {
			t.Errorf("%s: recorded %+v", name, e)
		}
	}
}

// TestHostileResult: whatever a result holds, stdout takes visible characters
// and line ends alone. JSON keeps its meaning.
func TestHostileResult(t *testing.T) {
	kmdata(t)
	hostile := func(*command.Run) (command.Result, error) {
		return text("a\x1b]52;c;QQ==\a\u009b31m\u202e\x7f\xff\tb"), exitcode.Errorf(exitcode.Check, "c\u009b\x1b\nd")
	}
	wantAnswer(t, "text", run(t, program(hostile), "peek"), answer{3,
		`a\x1b]52;c;QQ==\a\u009b31m\u202e\x7f\xff\tb` + "\nResult: FAILURE\n",
		`byok-test: error: c\u009b\x1b\nd` + "\n"})
	got := run(t, program(hostile), "peek", "--output", "json")
	const want = `{
  "command": "peek",
  "result": "FAILURE",
  "status": 3,
  "error": "c\u009b\u001b\nd",
  "data": "a\u001b]52;c;QQ==\u0007\u009b31m\u202e\u007f` + "\ufffd" + `\tb"
}
`
	wantAnswer(t, "JSON", got, answer{3, want, `byok-test: error: c\u009b\x1b\nd` + "\n"})
}
