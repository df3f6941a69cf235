// Package security holds the test that keeps the threat model true to the code.
package security

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// named matches a test as the page names it, `folder.Test`.
var named = regexp.MustCompile("`([a-z0-9/-]+)\\.((?:Test|Fuzz)[A-Za-z0-9]+)`")

// defined matches a test in the source.
var defined = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9]+)\(`)

// TestThreatModelNamesTests: every threat has its row, every row names tests,
// and every test that is named exists.
func TestThreatModelNamesTests(t *testing.T) {
	page, err := os.ReadFile("threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	if rows := rowsOf(string(page)); !slices.Equal(slices.Sorted(maps.Keys(rows)), threats()) {
		t.Errorf("the rows are %q, and not %q", slices.Sorted(maps.Keys(rows)), threats())
	} else {
		for threat, row := range rows {
			if !named.MatchString(row) {
				t.Errorf("%s: no test is named", threat)
			}
		}
	}
	namesExist(t, "threat-model.md")
}

// TestAttacksNameTests: every test that the page of attacks names exists.
func TestAttacksNameTests(t *testing.T) { namesExist(t, "attacks.md") }

// TestConnectedNamesTests: every test that the page of the connected workstation
// names exists.
func TestConnectedNamesTests(t *testing.T) { namesExist(t, "connected.md") }

// TestPolicyNamesTests: every test that the page of the search names exists.
func TestPolicyNamesTests(t *testing.T) { namesExist(t, "policy.md") }

func namesExist(t *testing.T, page string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	names := named.FindAllStringSubmatch(string(text), -1)
	if len(names) == 0 {
		t.Errorf("%s names no test", page)
	}
	tests := map[string][]string{}
	for _, name := range names {
		folder, test := name[1], name[2]
		if tests[folder] == nil {
			tests[folder] = testsIn(t, filepath.Join("../..", folder))
		}
		if !slices.Contains(tests[folder], test) {
			t.Errorf("%s: %s has no %s", page, folder, test)
		}
	}
}

// threats are those that the page must answer, and what goes wrong by itself.
func threats() []string {
	list := []string{
		"a stick that brings a changed program, a file more, a link, a device or a name that a computer starts by itself",
		"somebody forgets a cable or a radio at the disconnected workstation",
		"thief of the stick", "connected workstation, hostile", "K-1 card holders, or K of a replaced set",
		"the operator, with the vault's user", "whoever supplies the HSM's library", "the vault operator",
		"someone editing kmdata later", "a shoulder, a camera, a shell history", "a rehearsal",
		"a module that promises more than it keeps",
		"of two logins of an HSM the operator's may do more than it should, or the factory's is left", "a call of the HSM or of the kernel fails, the power goes",
		"a pipe, a device, a folder, a link or a terabyte in place of a file",
		"text of a library, a file, a server or a command line that steers the terminal or passes for a line of the program",
		"somebody looks into memory or a file afterwards", "two commands at once",
		"the HSM's library crashes, exits, corrupts its memory or never returns",
	}
	slices.Sort(list)
	return list
}

// rowsOf reads the tables of what is held by tests: the first cell of each row,
// and the last.
func rowsOf(page string) map[string]string {
	rows := map[string]string{}
	held := false
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		last := cells[len(cells)-1]
		switch {
		case !strings.HasPrefix(line, "| "):
		case cells[0] == "who" || cells[0] == "what":
			held = last == "held by"
		case held && cells[0] != "---":
			rows[cells[0]] = last
		}
	}
	return rows
}

// testsIn lists the test functions of a folder, whatever they are built for.
func testsIn(t *testing.T, folder string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Errorf("%s has no tests: %v", folder, err)
	}
	for _, path := range files {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, function := range defined.FindAllStringSubmatch(string(source), -1) {
			names = append(names, function[1])
		}
	}
	return names
}
