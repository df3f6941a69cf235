package command

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
)

// show prints a result, and why it is not good, to stdout. What cannot be
// printed is a failure too: whoever reads stdout has not got the answer.
func (r *Run) show(result Result, err error, resultLine bool) error {
	var failed error
	if r.String("output") == "json" {
		failed = r.printJSON(result, err)
	} else {
		failed = r.printText(result, err, resultLine)
	}
	if failed != nil {
		return errors.Join(err, exitcode.Errorf(exitcode.Failed, "the result could not be printed: %w", failed))
	}
	if err != nil {
		return told{err}
	}
	return nil
}

// told is an error that has been said, so that the Result line can come after it.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// tell says an error, a line each where several were joined, and its hint.
func (p *Program) tell(err error) {
	if err == nil {
		return
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		p.Console.Error("%s", line)
	}
	if hint := exitcode.HintOf(err); hint != "" {
		p.Console.Hint("%s", hint)
	}
}

func (r *Run) printText(result Result, err error, resultLine bool) error {
	if result != nil {
		if failed := result.Print(r.Console.Out); failed != nil {
			return failed
		}
	}
	r.Program.tell(err)
	if !resultLine {
		return nil
	}
	_, failed := fmt.Fprintf(r.Console.Out, "Result: %s\n", verdict(err))
	return failed
}

func (r *Run) printJSON(result Result, err error) error {
	answer := struct {
		Command string `json:"command"`
		Result  string `json:"result"`
		Status  int    `json:"status"`
		Error   string `json:"error,omitempty"`
		Hint    string `json:"hint,omitempty"`
		Data    Result `json:"data,omitempty"`
	}{r.Event.Command, verdict(err), int(exitcode.Of(err)), "", exitcode.HintOf(err), result}
	if err != nil {
		answer.Error = err.Error()
	}
	r.Program.tell(err)
	// strictjson would refuse the name of a file that is not UTF-8.
	data, failed := json.Marshal(answer, jsontext.WithIndent("  "), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if failed != nil {
		return failed
	}
	_, failed = r.Console.Out.Write(append(data, '\n'))
	return failed
}

func verdict(err error) string {
	if err != nil {
		return ceremony.Failure
	}
	return ceremony.Success
}
