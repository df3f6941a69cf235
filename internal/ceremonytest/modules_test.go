//go:build linux

package ceremonytest

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestModulesAreDocumented compares the modules in each program with its table
// in docs/dependencies.md, where each has a licence and a reason.
func TestModulesAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := strings.Split(string(text), "\n## ")
	for _, program := range []string{"byok-offline", "byok-online"} {
		i := slices.IndexFunc(sections, func(s string) bool { return strings.HasPrefix(s, program+"\n") })
		if i < 0 {
			t.Errorf("docs/dependencies.md has no section %s", program)
			continue
		}
		want := tabled(t, sections[i])
		if got := modules(t, program); !slices.Equal(got, want) {
			t.Errorf("%s holds these modules:\n%s\nand docs/dependencies.md lists:\n%s", program, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func modules(t *testing.T, program string) []string {
	t.Helper()
	var paths []string
	for _, m := range info(t, program).Deps {
		paths = append(paths, m.Path)
	}
	slices.Sort(paths)
	return paths
}

// tabled reads the modules of a section's table: module, licence, reason.
func tabled(t *testing.T, section string) []string {
	t.Helper()
	licences := regexp.MustCompile(`^(Apache-2\.0|BSD-2-Clause|BSD-3-Clause|ISC|MIT)$`)
	var paths []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|$").FindAllStringSubmatch(section, -1) {
		if !licences.MatchString(row[2]) || len(row[3]) < 15 {
			t.Errorf("docs/dependencies.md: %s has licence %q and reason %q", row[1], row[2], row[3])
		}
		paths = append(paths, row[1])
	}
	slices.Sort(paths)
	return paths
}
