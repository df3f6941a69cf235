//go:build unix

package handbook

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/completion"
	"byok/internal/manual"
)

// drivers are the shells of which the completion is tried: how each reads a
// script without running it, and a script that asks the completion what may
// follow some words. PowerShell is not among Debian's packages, so that of its
// script only the table is read, and quotes and brackets are counted.
var drivers = map[string]struct {
	parse []string
	ask   func(script string, questions []string) string
}{
	"bash": {[]string{"bash", "-n"}, askBash},
	"zsh":  {[]string{"zsh", "-n"}, askZsh},
	"fish": {[]string{"fish", "-n"}, askFish},
}

// checkCompletion: each shell completes every option of every command, and the
// words that an option takes.
func checkCompletion(t *testing.T, pages []manual.Page) {
	for _, shell := range completion.Shells() {
		script, err := completion.Script(shell, pages)
		if err != nil {
			t.Fatal(err)
		}
		want := expected(pages)
		got := powershellTable(script)
		if driver, runs := drivers[shell]; runs {
			path := filepath.Join(t.TempDir(), "script")
			if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
				t.Fatal(err)
			}
			silent(t, driver.parse[0], driver.parse[0], append(driver.parse[1:], path)...)
			got = answers(t, shell, driver.ask(path, slices.Sorted(maps.Keys(want))))
		} else if fault := unbalanced(script); fault != "" {
			t.Errorf("%s: open at the end: %s", shell, fault)
		}
		right := 0
		for question, words := range want {
			if slices.Equal(got[question], words) {
				right++
				continue
			}
			t.Errorf("%s: %s is completed with %q, want %q", shell, question, got[question], words)
		}
		t.Logf("%s: completed right: %d of %d", shell, right, len(want))
	}
}

// expected are the words that may follow a command line: the commands of a
// group, the long options of a command, what an option takes.
func expected(pages []manual.Page) map[string][]string {
	all := map[string][]string{}
	for _, p := range pages {
		for _, c := range p.Commands {
			all[p.Title()+" "] = append(all[p.Title()+" "], c.Name)
		}
		for _, o := range p.Options() {
			all[p.Title()+" --"] = append(all[p.Title()+" --"], "--"+o.Names[0])
			if len(o.Values) > 0 {
				all[p.Title()+" --"+o.Names[0]+" "] = slices.Clone(o.Values)
			}
		}
	}
	for _, words := range all {
		slices.Sort(words)
	}
	return all
}

// answers runs a script that says "?", a question, and below it what may follow.
func answers(t *testing.T, shell, script string) map[string][]string {
	t.Helper()
	cmd := exec.Command(find(t, shell, shell))
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Errorf("%s: %v: %s", shell, err, said.String())
	}
	all, question := map[string][]string{}, ""
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if asked, found := strings.CutPrefix(line, "?"); found {
			question = asked
			continue
		}
		word, _, _ := strings.Cut(strings.ReplaceAll(line, "\t", ":"), ":")
		if strings.HasPrefix(word, "-") && !strings.HasPrefix(word, "--") || word == "" {
			continue
		}
		all[question] = append(all[question], word)
	}
	for _, words := range all {
		slices.Sort(words)
	}
	return all
}

// function is the name of the function in the scripts for bash and zsh.
func function(question string) string {
	name, _, _ := strings.Cut(question, " ")
	return "_" + strings.ReplaceAll(name, "-", "_")
}

func askBash(script string, questions []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %s\n", script)
	for _, q := range questions {
		words := strings.Split(q, " ")
		fmt.Fprintf(&b, "COMP_WORDS=('%s')\nCOMP_CWORD=%d\nCOMPREPLY=()\n", strings.Join(words, "' '"), len(words)-1)
		fmt.Fprintf(&b, "echo '?%s'\n%s\nprintf '%%s\\n' \"${COMPREPLY[@]}\"\n", q, function(q))
	}
	return b.String()
}

// askZsh stands in for the functions of zsh's own that show what was found.
func askZsh(script string, questions []string) string {
	var b strings.Builder
	b.WriteString("compdef() { }\n_files() { }\n_message() { }\ncompadd() { print -l -- \"${@:2}\" }\n" +
		"_describe() { print -l -- \"${(@P)@[-1]}\" }\n")
	fmt.Fprintf(&b, "source %s\n", script)
	for _, q := range questions {
		words := strings.Split(q, " ")
		fmt.Fprintf(&b, "words=('%s')\nCURRENT=%d\nprint '?%s'\n%s\n", strings.Join(words, "' '"), len(words), q, function(q))
	}
	return b.String()
}

func askFish(script string, questions []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "source %s\n", script)
	for _, q := range questions {
		fmt.Fprintf(&b, "echo '?%s'\ncomplete -C '%s'\n", q, q)
	}
	return b.String()
}

// powershellTable reads the tables of the script for PowerShell, which has the
// names of options and commands in the first place of each pair.
func powershellTable(script string) map[string][]string {
	all, name, place := map[string][]string{}, "", ""
	for line := range strings.Lines(script) {
		fields := strings.Split(strings.TrimSpace(line), "'")
		switch {
		case strings.Contains(line, "-CommandName '"):
			name = fields[1]
		case strings.HasSuffix(line, " = @(\n"):
			place = strings.TrimSpace(name + " " + fields[1])
		case strings.HasPrefix(strings.TrimSpace(line), ", @("):
			question := place + " "
			if strings.HasPrefix(fields[1], "--") {
				question += "--"
			} else if strings.HasPrefix(fields[1], "-") {
				continue
			}
			all[question] = append(all[question], fields[1])
		}
	}
	for _, words := range all {
		slices.Sort(words)
	}
	return all
}

// unbalanced says what is open at the end of a script of PowerShell, whose
// quotes are single ones, doubled within a text, and double ones.
func unbalanced(script string) string {
	var open []rune
	var quote rune
	closing := map[rune]rune{')': '(', '}': '{', ']': '['}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, r := range line {
			switch {
			case quote != 0:
				if r == quote {
					quote = 0
				}
			case r == '\'' || r == '"':
				quote = r
			case strings.ContainsRune("({[", r):
				open = append(open, r)
			case closing[r] != 0:
				if len(open) == 0 || open[len(open)-1] != closing[r] {
					return "a bracket is closed that is not open: " + line
				}
				open = open[:len(open)-1]
			}
		}
		if quote != 0 {
			return "a text is not closed: " + line
		}
	}
	return string(open)
}
