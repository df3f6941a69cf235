//go:build linux

package ceremonytest

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// designed is one line of testdata/commands.txt.
type designed struct {
	options []string
	later   bool
}

// design reads testdata/commands.txt: options by "byok-offline acl modify".
func design(t *testing.T) map[string]designed {
	t.Helper()
	text, err := os.ReadFile("testdata/commands.txt")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]designed{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if name, later := strings.CutSuffix(line, "?"); later {
			commands[name] = designed{later: true}
		} else if name, options, ok := strings.Cut(line, ":"); ok && line[0] != '#' {
			commands[name] = designed{options: strings.Fields(options)}
		}
	}
	if len(commands) < 40 {
		t.Fatalf("%d commands in testdata/commands.txt", len(commands))
	}
	return commands
}

// TestHelp walks from each program's --help to that of every command.
func TestHelp(t *testing.T) {
	t.Parallel()
	found := map[string]string{}
	for _, program := range []string{"byok-offline", "byok-online"} {
		walkHelp(t, program, nil, found)
	}
	for name, want := range design(t) {
		text, there := found[name]
		if there == want.later {
			t.Errorf("%s: there is %t, and in testdata/commands.txt it is expected later: %t", name, there, want.later)
		}
		for _, option := range want.options {
			if there && !hasOption(text, option) {
				t.Errorf("%s has no option %s:\n%s", name, option, text)
			}
		}
	}
	checkAnswered(t, found)
}

// walkHelp collects the help text of every command below path that does something.
func walkHelp(t *testing.T, program string, path []string, found map[string]string) {
	t.Helper()
	text := helpOf(t, program, path)
	list := regexp.MustCompile(`(?ms)^commands:\n(.*?)\n\n`).FindStringSubmatch(text)
	if list == nil {
		found[strings.Join(append([]string{program}, path...), " ")] = text
		return
	}
	for line := range strings.Lines(list[1]) {
		if !strings.HasPrefix(line, "   ") { // which would go on with the line before
			walkHelp(t, program, append(slices.Clone(path), strings.Fields(line)[0]), found)
		}
	}
}

// helpOf runs a command with --help, without a home folder: it needs none, and
// records nothing.
func helpOf(t *testing.T, program string, path []string) string {
	t.Helper()
	cmd := exec.Command(binary(program), append(slices.Clone(path), "--help")...)
	cmd.Env = []string{}
	var messages strings.Builder
	cmd.Stderr = &messages
	out, err := cmd.Output()
	text, name := string(out), strings.Join(append([]string{program}, path...), " ")
	switch {
	case err != nil || messages.Len() > 0:
		t.Errorf("%s --help: %v: %s", name, err, &messages)
	case !strings.HasPrefix(text, name+" - ") || !strings.Contains(text, "\nusage: "+name) || !strings.HasSuffix(text, "\n"):
		t.Errorf("%s --help prints\n%s", name, text)
	}
	for line := range strings.Lines(text) {
		if strings.Count(line, "(default: ") > 1 {
			t.Errorf("%s --help has two defaults in %q", name, line)
		}
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("%s --help is wider than 80 columns: %q", name, line)
		}
	}
	return text
}

// checkAnswered fails without a script for every command that has it answer in JSON.
func checkAnswered(t *testing.T, found map[string]string) {
	t.Helper()
	all := ""
	for _, text := range scripts(t) {
		all += text
	}
	for name := range found {
		if strings.HasSuffix(name, " help") {
			continue // its answer is the help itself
		}
		if !regexp.MustCompile(`(?m)^answers \d+ ` + name + `( |$)`).MatchString(all) {
			t.Errorf("no script has %s answer with --output json", name)
		}
	}
}
