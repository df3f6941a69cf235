package dryrun

import (
	"bytes"
	"fmt"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/printable"
	"byok/internal/script"
)

// transcript is what is written of a dry run. What commands print is marked; what
// comes from the plan is not.
type transcript struct {
	text  bytes.Buffer
	marks marks
}

func (t *transcript) line(format string, args ...any) {
	t.text.WriteString(printable.Lines(fmt.Sprintf(format, args...)) + "\n")
}

func (t *transcript) title(text string) { t.line("\n== %s", printable.Escape(text)) }

func (t *transcript) list(title string, items []string) {
	t.line("%s", title)
	for _, item := range items {
		t.line("  - %s", printable.Escape(item))
	}
}

// head is what stands before the first step.
func (t *transcript) head(c Config, changes []string, steps int) {
	p := c.Plan
	t.line("Dry run of a ceremony\n")
	t.line("title    %s", printable.Escape(p.Title))
	t.line("purpose  %s", printable.Escape(p.Purpose))
	t.line("plan     %s for %s in %s, on %s", printable.Count(len(p.Keys), "key"), printable.Count(len(p.Vaults), "vault"),
		printable.Count(steps, "step"), p.Date)
	t.line("SHA-256  %s", c.SHA256.Groups())
	t.line(`
Every command was run on one computer, with SoftHSM and rehearsal vaults.

$  what people type, or > where that goes on
+  what answers in their place, and holds it to the plan
|  what was printed as the result
!  what was said to people

What differs in every run stands between « and ».
`)
	t.list("Other than in the plan, on this computer:", changes)
}

// step is what stands before the commands of a step.
func (t *transcript) step(title string, s script.Step) {
	t.title(title)
	t.line("%s", s.Place)
	for _, a := range s.Acts {
		t.line("  %s: %s", a.Part, printable.Escape(a.Does))
	}
}

// ran writes a command, its words quoted for a shell, and what came of it. It
// returns the error of one that failed.
func (t *transcript) ran(line string, answers []string, o outcome) error {
	t.prefixed("$ ", "> ", wrapped(t.marks.of(line)))
	if len(answers) > 0 {
		t.prefixed("+ ", "+ ", wrapped(t.marks.of(quoted(answers))))
	}
	t.prefixed("| ", "| ", t.marks.of(o.out))
	t.prefixed("! ", "! ", t.marks.of(o.err))
	err := o.fault()
	t.line("status %d", exitcode.Of(err))
	return err
}

// prefixed writes lines, each after a sign.
func (t *transcript) prefixed(first, next, text string) {
	sign := first
	for line := range strings.Lines(text) {
		t.line("%s", strings.TrimRight(sign+line, " \n"))
		sign = next
	}
}

// result is the last line.
func (t *transcript) result(err error) {
	if err == nil {
		t.line("\nResult: SUCCESS")
		return
	}
	t.line("\n%s", printable.Escape(t.marks.of(err.Error())))
	if hint := exitcode.HintOf(err); hint != "" {
		t.line("%s", printable.Escape(hint))
	}
	t.line("Result: FAILURE")
}

// quoted is words of a command line.
func quoted(words []string) string {
	list := make([]string, len(words))
	for i, word := range words {
		list[i] = word
		if !strings.HasPrefix(word, "-") {
			list[i] = printable.Quote(word)
		}
	}
	return strings.Join(list, " ")
}

// width is how long a line of a command is, where it can be broken.
const width = 76

// wrapped breaks a command line before options.
func wrapped(line string) string {
	text, column := "", 0
	for i, part := range strings.Split(line, " -") {
		if i > 0 {
			part = " -" + part
		}
		if long := len([]rune(part)); i > 0 && column+long > width {
			text, column = text+" \\\n   ", 3
		}
		text, column = text+part, column+len([]rune(part))
	}
	return text
}

// fault is why a command did not do what it was to do: the first error that it
// said, with its status.
func (o outcome) fault() error {
	switch {
	case o.failed != nil:
		return o.failed
	case o.status == exitcode.Done:
		return nil
	}
	for line := range strings.Lines(o.err) {
		if _, said, found := strings.Cut(line, ": error: "); found {
			return exitcode.Errorf(o.status, "%s", strings.TrimSpace(said))
		}
	}
	return exitcode.Errorf(o.status, "it ended without an error")
}

// listed names an item of one of the plan's lists, as its check does.
func listed(list string, at int) string {
	if at < 0 {
		return list
	}
	return fmt.Sprintf("%s[%d]", list, at+1)
}
