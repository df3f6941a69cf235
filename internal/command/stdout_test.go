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

// TestStdoutFails: an answer that nobody got is no success; the record tells
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
