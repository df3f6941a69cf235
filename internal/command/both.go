package command

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/term"
)

// Fingerprint is the command that shows a file's SHA-256 to a witness, the
// same in both programs.
func Fingerprint(p *Program) *cli.Command {
	return &cli.Command{
		Name: "fingerprint", Usage: "show a file's SHA-256 in hex and in words, to be read aloud", ArgsUsage: "FILE",
		Action: p.Action(func(r *Run) (Result, error) {
			path, err := r.Arg("FILE")
			if err != nil {
				return nil, err
			}
			sum, err := r.HashFile(path)
			if err != nil {
				return nil, err
			}
			return fingerprintView{path, sum, sum.Groups(), sum.Words()}, nil
		}),
	}
}

type fingerprintView struct {
	File   string          `json:"file"`
	SHA256 fingerprint.Sum `json:"sha256"`
	Groups string          `json:"groups"`
	Words  []string        `json:"words"`
}

func (v fingerprintView) Print(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s\n%s\n", term.Printable(filepath.Base(v.File)), v.Groups); err != nil {
		return err
	}
	for _, row := range v.SHA256.Rows() {
		if _, err := fmt.Fprintln(w, row); err != nil {
			return err
		}
	}
	return nil
}

// Ceremony is the group of commands that read the ceremony log.
func Ceremony(p *Program) *cli.Command {
	return &cli.Command{Name: "ceremony", Usage: "read the ceremony log", Subcommands: []*cli.Command{
		{Name: "log", Usage: "show what was done, a line an event", Action: p.Unrecorded(func(r *Run) (Result, error) {
			return readRecord(r, func(record ceremony.Record) Result { return logView{record} })
		})},
		{Name: "verify", Usage: "check the log's numbers and hash chain", Action: p.Unrecorded(func(r *Run) (Result, error) {
			return readRecord(r, func(record ceremony.Record) Result {
				return headView{record.Path, len(record.Events), record.Head, record.Warnings}
			})
		})},
	}}
}

// readRecord shows a good log by view. Of a log with a fault it shows the
// events up to there.
func readRecord(r *Run, view func(ceremony.Record) Result) (Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	dir, err := r.KMData()
	if err != nil {
		return nil, err
	}
	record, err := ceremony.Read(dir)
	for _, w := range record.Warnings {
		r.Console.Warning("%s", w)
	}
	switch {
	case err == nil:
		return view(record), nil
	case len(record.Events) > 0:
		return logView{record}, err
	}
	return nil, err
}

type logView struct {
	ceremony.Record
}

func (v logView) Print(w io.Writer) error {
	rows := [][]string{{"#", "TIME", "PROGRAM", "COMMAND", "RESULT", "STATUS", "MODULE", "BY"}}
	for _, e := range v.Events {
		if e.Phase == ceremony.Begin {
			continue
		}
		serial := "-"
		if e.Module != nil {
			serial = e.Module.Serial
		}
		rows = append(rows, []string{
			strconv.Itoa(e.Seq), e.Time.Format(time.RFC3339), e.Program, e.Command, e.Result, strconv.Itoa(e.Status), serial, e.Operator,
		})
	}
	return term.Table(w, rows)
}

// headView is a good log in short: what to note on paper, and to compare with
// such a note later.
type headView struct {
	Log      string        `json:"log"`
	Events   int           `json:"events"`
	Head     ceremony.Head `json:"head"`
	Warnings []string      `json:"warnings,omitempty"`
}

func (v headView) Print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %d events, every line carries the hash of the one before\nhead %s\n", term.Printable(v.Log), v.Events, v.Head.SHA256.Groups())
	return err
}
