package main

import (
	"fmt"
	"io"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/linkage"
	"byok/internal/printable"
	"byok/internal/strictjson"
	"byok/internal/term"
	"byok/internal/version"
)

const name = "check-offline"

const usage = `check-offline [--output json] FILE

Says whether a program's file, ELF or PE, holds code that reaches a network: by
the names of its Go functions, its imports, and the system calls in its code. It
needs no source and runs nothing of the file.

  check-offline byok-offline
  check-offline --output json byok-offline.exe

  --output text|json   a report for people (default), or one JSON object
  --version            version of this program
  --help               this text

Exit status:
  0   the file holds no networking code
  1   it could not be read or cannot be judged: it does not pass
  2   the command line is wrong
  3   it holds networking code

What it cannot show stands in docs/security/check-offline.md: above all, what a
library does that the program loads at run time, such as an HSM's.
`

// largest is the size of a program in bytes that is read into memory.
const largest = 64 << 20

// request is a command line that was read.
type request struct {
	json bool
	text string // to print instead: help or version
	file string
}

// run carries out a command line and returns the exit status.
func run(c *term.Console, args []string) exitcode.Code {
	r, err := parse(args)
	switch {
	case err != nil:
	case r.text != "":
		_, err = io.WriteString(c.Out, r.text)
	default:
		err = check(c.Out, r)
	}
	if err != nil {
		c.Error("%v", err)
		if hint := exitcode.HintOf(err); hint != "" {
			c.Hint("%s", hint)
		}
	}
	return exitcode.Of(err)
}

func parse(args []string) (r request, err error) {
	for len(args) > 0 {
		word, value, joined := strings.Cut(args[0], "=")
		args = args[1:]
		switch {
		case word == "--help" || word == "-h":
			return request{text: usage}, nil
		case word == "--version":
			return request{text: name + " " + version.String() + "\n"}, nil
		case word == "--output" && !joined && len(args) > 0:
			value, args = args[0], args[1:]
			fallthrough
		case word == "--output":
			r.json, err = output(value)
		case strings.HasPrefix(word, "-"):
			err = wrong("unknown option %s", printable.Escape(word))
		case r.file != "":
			err = wrong("one file at a time: %s is too many", printable.Quote(word))
		default:
			r.file = word
			if joined {
				r.file += "=" + value
			}
		}
		if err != nil {
			return r, err
		}
	}
	if r.file == "" {
		return r, wrong("no file was named")
	}
	return r, nil
}

func output(value string) (json bool, err error) {
	if value != "json" && value != "text" {
		return false, wrong("--output is %s, and can be text or json", printable.Quote(value))
	}
	return value == "json", nil
}

func wrong(format string, args ...any) error {
	return exitcode.Errorf(exitcode.Usage, format, args...).Hint("check-offline --help")
}

// check examines the file and prints the report.
func check(out io.Writer, r request) error {
	file, err := durable.ReadFile(r.file, largest)
	if err != nil {
		return exitcode.Hint(exitcode.Mark(exitcode.Failed, err), "name the program's own file")
	}
	report := linkage.Examine(file)
	report.File = r.file
	err = failure(report)
	if failed := show(out, report, err, r.json); failed != nil {
		return exitcode.Errorf(exitcode.Failed, "the report could not be printed: %w", failed)
	}
	return err
}

// failure is why a report does not pass.
func failure(r linkage.Report) error {
	switch r.Conclusion {
	case linkage.None:
		return nil
	case linkage.Found:
		return exitcode.Errorf(exitcode.Check, "%s holds networking code: %s", r.File, strings.Join(r.Failed(), ", ")).
			Hint("do not run it where a network must not be reached; compare its hash with the release's SHA256SUMS")
	}
	return exitcode.Errorf(exitcode.Failed, "%s cannot be judged: %s", r.File, strings.Join(r.Unjudged, "; ")).
		Hint("compare its hash with the release's SHA256SUMS")
}

// answer is what --output json prints, as both other programs do.
type answer struct {
	Command string         `json:"command"`
	Result  string         `json:"result"` // "SUCCESS" or "FAILURE"
	Status  int            `json:"status"`
	Error   string         `json:"error,omitempty"`
	Hint    string         `json:"hint,omitempty"`
	Data    linkage.Report `json:"data"`
}

func show(out io.Writer, report linkage.Report, err error, json bool) error {
	result := "SUCCESS"
	if err != nil {
		result = "FAILURE"
	}
	if !json {
		if failed := report.Print(out); failed != nil {
			return failed
		}
		_, failed := fmt.Fprintf(out, "Result: %s\n", result)
		return failed
	}
	a := answer{
		Command: name,
		Result:  result,
		Status:  int(exitcode.Of(err)),
		Hint:    exitcode.HintOf(err),
		Data:    report,
	}
	if err != nil {
		a.Error = err.Error()
	}
	data, failed := strictjson.Marshal(a)
	if failed == nil {
		_, failed = out.Write(append(printable.JSON(data), '\n'))
	}
	return failed
}
