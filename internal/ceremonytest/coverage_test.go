//go:build linux

package ceremonytest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"byok/internal/exitcode"
)

// scripts reads the scripts, by their names.
func scripts(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/script/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	all := map[string]string{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		commands, _, _ := strings.Cut("\n"+string(data), "\n-- ")
		all[strings.TrimSuffix(filepath.Base(path), ".txt")] = commands
	}
	return all
}

// TestEveryStatusIsShown finds for each exit status the scripts that show it:
// a script fails unless its programs end with the status it says.
func TestEveryStatusIsShown(t *testing.T) {
	shown := map[int][]string{}
	for name, text := range scripts(t) {
		for _, m := range regexp.MustCompile(`(?m)^(?:exits|refuses|answers|dialogue|signalled) (\d+) `).FindAllStringSubmatch(text, -1) {
			status, _ := strconv.Atoi(m[1])
			if !slices.Contains(shown[status], name) {
				shown[status] = append(shown[status], name)
			}
		}
	}
	for _, code := range exitcode.All() {
		slices.Sort(shown[int(code)])
		t.Logf("%3d  %s\n     %s", code, code.Meaning(), strings.Join(shown[int(code)], " "))
		if len(shown[int(code)]) == 0 {
			t.Errorf("no script shows status %d", code)
		}
		delete(shown, int(code))
	}
	if len(shown) > 0 {
		t.Errorf("scripts expect statuses that there are not: %v", shown)
	}
}

// TestScriptsRunToTheirEnd: testscript has commands that end a script early.
func TestScriptsRunToTheirEnd(t *testing.T) {
	for name, text := range scripts(t) {
		if line := regexp.MustCompile(`(?m)^(\[.*\] *)?(stop|skip)\b.*`).FindString(text); line != "" {
			t.Errorf("%s: %s", name, line)
		}
	}
}

// TestSixReasons: cards that do not open a world say why, each in its own words.
func TestSixReasons(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/script/quorum.txt")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, f := range archive.Files {
		name := strings.TrimPrefix(f.Name, "want/")
		if slices.Contains([]string{"too-few", "foreign", "corrupted", "repeated", "passphrase", "empty"}, name) {
			text := said(string(f.Data), "error: ")
			reasons[text[strings.LastIndex(text, ":")+1:]] = name
		}
	}
	if len(reasons) != 6 {
		t.Errorf("%d reasons: %v", len(reasons), reasons)
	}
}
