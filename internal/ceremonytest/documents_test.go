//go:build linux

package ceremonytest

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"byok/internal/testkit/page"
)

// TestDocumentsNameWhatIsThere parses every command line in the documents: its
// command and each of its options must be in --help.
func TestDocumentsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	help := map[string]string{}
	for _, program := range []string{"byok-offline", "byok-online"} {
		walkHelp(t, program, nil, help)
	}
	lines := 0
	for _, path := range documents(t) {
		for _, line := range commandLines(readFile(t, path)) {
			lines++
			if fault := judgeLine(help, line); fault != "" {
				t.Errorf("%s: %q: %s", path, line, fault)
			}
		}
	}
	if lines < 150 {
		t.Errorf("%d command lines were found", lines)
	}
}

// documents lists the Markdown files that people read.
func documents(t *testing.T) []string {
	t.Helper()
	list := []string{"../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md"}
	err := filepath.WalkDir("../../docs", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".md") {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// commandLines finds what begins with one of the programs: in a block, perhaps
// behind a prompt and over several lines, or between backquotes.
func commandLines(text string) (lines []string) {
	for _, b := range page.Blocks(text) {
		if b.Kind == "text" {
			continue // a screen
		}
		block := within.ReplaceAllString(strings.ReplaceAll(b.Text, "\\\n", " "), "X")
		for _, m := range typed.FindAllStringSubmatch(block, -1) {
			lines = append(lines, strings.TrimSpace(m[1]))
		}
	}
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		lines = append(lines, strings.TrimSpace(m[1]))
	}
	return lines
}

var (
	within = regexp.MustCompile(`"?\$\((?:[a-z]+[^-a-z])[^)]*\)"?`) // of another command
	typed  = regexp.MustCompile(`(?m)(?:^|^[a-z]+\$ +|[A-Z_]+=\S+ |\$\()(byok-(?:offline|online) [^#\n|)]*)`)
	quoted = regexp.MustCompile("`(byok-(?:offline|online) [^`]*)`")
)

// judgeLine says what is wrong with a command line, or nothing.
func judgeLine(help map[string]string, line string) string {
	line, _, _ = strings.Cut(line, " | ")
	words := strings.Fields(line)
	if len(words) == 2 && words[1] == "--version" {
		return ""
	}
	if len(words) > 3 && words[1] == "--output" { // before the command
		words = append(words[:1], words[3:]...)
	}
	text, name := "", words[0]
	for i := 1; i < min(len(words), 3) && text == ""; i++ {
		name += " " + words[i]
		text = help[name]
	}
	if text == "" {
		return "there is no such command"
	}
	for _, m := range regexp.MustCompile(`(?:^|\s)--?([a-z][a-z0-9-]*)`).FindAllStringSubmatch(line, -1) {
		if !hasOption(text, m[1]) {
			return "there is no option " + m[1]
		}
	}
	return ""
}

// hasOption reports whether a help text lists an option.
func hasOption(help, option string) bool {
	return regexp.MustCompile(`(?m)^  (--?[a-z-]+( [A-Z/]+)?, )*--?` + option + `\b`).MatchString(help)
}

func TestDocumentsAreJudged(t *testing.T) {
	help := map[string]string{"byok-offline key list": "options:\n  --kmdata DIR  of it\n  --kek, -k FILE  f\n"}
	for line, good := range map[string]bool{
		"byok-offline key list":                true,
		"byok-offline key list --kmdata x":     true,
		"byok-offline key list -k x":           true,
		"byok-offline key list -k x | cat -l":  true,
		"byok-offline --output json key list":  false, // of these options
		"byok-offline --output json keys list": false,
		"byok-offline key lists":               false,
		"byok-offline key list --kmdat x":      false,
		"byok-offline key list x --card a":     false,
		"byok-offline key list --kmdata x-y z": true,
	} {
		if fault := judgeLine(help, line); (fault == "") != good {
			t.Errorf("%s: %q", line, fault)
		}
	}
	if n := len(commandLines("    byok-offline a \\\n    --b\nx `byok-online c` y\n```sh\noffline$ byok-offline d\nx=$(byok-online e)\n```\n")); n != 4 {
		t.Errorf("%d command lines", n)
	}
}
