package shared

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"byok/internal/ceremony"
	"byok/internal/stamp"
	"byok/internal/term"
)

// logView shows a log: a row an event, and below it what else is known of it.
type logView struct {
	ceremony.Record
}

// width is how wide text on stdout gets, in columns.
const width = 80

// Print implements [command.Result].
func (v logView) Print(w io.Writer) error {
	rows := [][]string{{"#", "TIME", "COMMAND", "RESULT", "BY"}}
	details := [][]string{nil}
	for _, e := range v.Events {
		if e.Phase == ceremony.Begin {
			continue // its end says more
		}
		rows = append(rows, []string{strconv.Itoa(e.Seq), stamp.Text(e.Time), e.Command, resultOf(e), e.Operator})
		details = append(details, detailsOf(e))
	}
	var table strings.Builder
	if err := term.Table(&table, rows); err != nil {
		return err
	}
	var text strings.Builder
	for i, row := range strings.SplitAfter(strings.TrimSuffix(table.String(), "\n"), "\n") {
		text.WriteString(strings.TrimSuffix(row, "\n") + "\n")
		for _, d := range details[i] {
			indent := strings.Repeat(" ", len(strconv.Itoa(len(v.Events)))+2)
			for _, line := range term.Wrap(indent+term.Printable(d), width, indent+"  ") {
				text.WriteString(line + "\n")
			}
		}
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// resultOf is how a command ended, or the phase of an event that is not an end.
func resultOf(e ceremony.Event) string {
	if e.Phase == ceremony.End {
		return e.Result
	}
	return string(e.Phase)
}

// detailsOf lists what an event says beside its row.
func detailsOf(e ceremony.Event) []string {
	first := e.Program + " " + e.Version
	if e.Module != nil {
		first += ", module " + e.Module.Serial
	}
	if e.Rehearsal {
		first += ", rehearsal"
	}
	all := []string{first}
	if len(e.Arguments) > 0 {
		all = append(all, strings.Join(e.Arguments, " "))
	}
	for _, n := range e.Notes {
		all = append(all, n.Name+": "+n.Value)
	}
	for _, f := range e.Outputs {
		all = append(all, "wrote "+f.Path)
	}
	if e.Seal != nil {
		all = append(all, "sealed by module "+e.Seal.Module)
	}
	if e.Error != "" {
		all = append(all, fmt.Sprintf("status %d: %s", e.Status, e.Error))
	}
	return all
}
