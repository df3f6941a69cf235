package command

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/ceremony"
	"byok/internal/exitcode"
	"byok/internal/printable"
)

// reported is an error that has been said, so that the Result line can come
// after it.
type reported struct{ error }

func (r reported) Unwrap() error { return r.error }

// show prints a result, and why it is not good, to stdout. What cannot be
// printed is a failure too: the answer did not reach whoever reads stdout.
func (r *Run) show(result Result, err error, resultLine bool) error {
	var failed error
	if r.String("output") == "json" {
		failed = r.Program.printJSON(r.Event.Command, result, err)
	} else {
		failed = r.Program.printText(result, err, resultLine)
	}
	if failed != nil {
		err = errors.Join(err, unprinted(failed))
		r.Program.report(err)
	}
	if err != nil {
		return reported{err}
	}
	return nil
}

func unprinted(failed error) error {
	return exitcode.Errorf(exitcode.Failed, "the result could not be printed: %w", failed)
}

// report says an error, a line each where several were joined, and its hints.
func (p *Program) report(err error) {
	if err == nil {
		return
	}
	var hints []string
	hint := func(err error) {
		if h := exitcode.HintOf(err); h != "" && !slices.Contains(hints, h) {
			hints = append(hints, h)
		}
	}
	for _, part := range parts(err) {
		p.Console.Error("%v", part)
		hint(part)
	}
	hint(err)
	for _, h := range hints {
		p.Console.Hint("%s", h)
	}
}

// parts are the errors that were joined to err, each with what it wraps. A
// line end in the text of one, which can be foreign, does not make it two.
func parts(err error) []error {
	several, ok := err.(interface{ Unwrap() []error })
	if ok && len(several.Unwrap()) > 0 && err.Error() == errors.Join(several.Unwrap()...).Error() {
		var all []error
		for _, e := range several.Unwrap() {
			all = append(all, parts(e)...)
		}
		return all
	}
	// A mark or a hint around a join does not change its text.
	if inner := errors.Unwrap(err); inner != nil && inner.Error() == err.Error() {
		if all := parts(inner); len(all) > 1 {
			return all
		}
	}
	return []error{err}
}

// reportUnrun says why no command ran. Whoever asked for JSON gets an object
// on stdout all the same.
func (p *Program) reportUnrun(args []string, err error) {
	if err == nil || !wantsJSON(args) {
		p.report(err)
		return
	}
	if failed := p.printJSON(p.named, nil, err); failed != nil {
		p.report(errors.Join(err, unprinted(failed)))
	}
}

func wantsJSON(args []string) bool {
	for i, word := range args {
		name, value, found := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if strings.HasPrefix(word, "-") && name == "output" {
			if !found && i+1 < len(args) {
				value = args[i+1]
			}
			return strings.EqualFold(value, "json")
		}
	}
	return false
}

func (p *Program) printText(result Result, err error, resultLine bool) error {
	if result != nil {
		if failed := p.printResult(result); failed != nil {
			return failed
		}
	}
	p.report(err)
	if !resultLine {
		return nil
	}
	_, failed := fmt.Fprintf(p.Console.Out, "Result: %s\n", outcome(err))
	return failed
}

// Exact is a [Result] whose lines are for another program to read, or are a
// file's: they are never broken to fit on a terminal.
type Exact interface {
	Result
	Exact()
}

// printResult lets nothing through that could steer a terminal.
func (p *Program) printResult(result Result) error {
	var text strings.Builder
	if err := result.Print(&text); err != nil {
		return err
	}
	lines := printable.Lines(text.String())
	if _, exact := result.(Exact); !exact {
		lines = p.Console.Fit(lines)
	}
	_, err := io.WriteString(p.Console.Out, lines)
	return err
}

// answer is what --output json prints.
type answer struct {
	Command string `json:"command"`
	Result  string `json:"result"`
	Status  int    `json:"status"`
	Error   string `json:"error,omitempty"`
	Hint    string `json:"hint,omitempty"`
	Data    Result `json:"data,omitempty"`
}

func (p *Program) printJSON(command string, result Result, err error) error {
	a := answer{
		Command: command,
		Result:  outcome(err),
		Status:  int(exitcode.Of(err)),
		Hint:    exitcode.HintOf(err),
		Data:    result,
	}
	if err != nil {
		a.Error = err.Error()
	}
	// strictjson would refuse the name of a file that is not UTF-8.
	data, failed := json.Marshal(a, jsontext.WithIndent("  "), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if failed != nil {
		return failed
	}
	if _, failed = p.Console.Out.Write(append(printable.JSON(data), '\n')); failed != nil {
		return failed
	}
	p.report(err)
	return nil
}

// outcome is the word of the Result line.
func outcome(err error) string {
	if err != nil {
		return ceremony.Failure
	}
	return ceremony.Success
}
