package layout

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReach holds both programs, and the package that an auditor uses, apart
// from what they must not be made of.
func TestReach(t *testing.T) {
	t.Parallel()
	const (
		network = `net/http|github\.com/(Azure|AzureAD)/.*`
		ours    = `byok/internal/`
	)
	never := `|testing|github\.com/(creack/pty|rogpeppe/.*)|byok/internal/(testkit/.*|` + strings.Join(aside(), "|") + `)`
	for _, test := range []struct {
		from, forbidden, needs string
	}{
		{
			"cmd/byok-offline",
			network + `|` + ours + `(vault|azure|upload|rehearsal|download)` + never,
			"byok/internal/hsm",
		},
		{
			"cmd/byok-online",
			ours + `(hsm|secondproc|world|cards|confine)|filippo\.io/age|github\.com/(miekg|ThalesIgnite)/.*` + never,
			"net/http",
		},
		{
			"cmd/check-offline", // judges the others, and is pure Go
			network + `|net|runtime/cgo|` + ours + `(hsm|secondproc|world|vault|azure|upload|rehearsal|download)` + never,
			"byok/internal/linkage",
		},
		{
			"internal/kmdata", // opens on any machine, without an HSM's library
			network + `|runtime/cgo|` + ours + `(hsm|secondproc|world|vault|azure|upload|rehearsal|download)` + never,
			"byok/internal/keykind",
		},
	} {
		t.Run(test.from, func(t *testing.T) {
			packages := reach(t, test.from)
			forbidden := regexp.MustCompile(`^(` + test.forbidden + `)(/.*)?$`)
			found := slices.DeleteFunc(slices.Clone(packages), func(p string) bool { return !forbidden.MatchString(p) })
			if len(found) > 0 {
				t.Errorf("%s reaches %s", test.from, strings.Join(found, ", "))
			}
			if !slices.Contains(packages, test.needs) {
				t.Errorf("%s does not reach %s, so this list is not its own: %q", test.from, test.needs, packages)
			}
		})
	}
}

// TestModules compares the modules of each program with its table in
// docs/dependencies.md, where each has a licence and a reason. A module that is
// not there must not be linked.
func TestModules(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range []string{"byok-offline", "byok-online", "check-offline"} {
		_, section, found := strings.Cut(string(text), "\n## "+program+"\n")
		if !found {
			t.Errorf("docs/dependencies.md has no section %s", program)
			continue
		}
		section, _, _ = strings.Cut(section, "\n## ")
		listed, linked := tabled(t, section), modules(t, program)
		for _, m := range without(linked, listed) {
			t.Errorf("%s now links the module %s: do without it, or give licence and reason in docs/dependencies.md", program, m)
		}
		for _, m := range without(listed, linked) {
			t.Errorf("%s no longer links the module %s: delete its row in docs/dependencies.md", program, m)
		}
	}
}

// modules lists what the linker would name (go version -m), without versions.
func modules(t *testing.T, program string) []string {
	t.Helper()
	paths := lines(t, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "byok/cmd/"+program)
	slices.Sort(paths)
	return without(slices.Compact(paths), []string{"byok"})
}

func without(list, omit []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(omit, s) })
}

// tabled reads the modules of a section's table: module, licence, reason.
func tabled(t *testing.T, section string) []string {
	t.Helper()
	licences := regexp.MustCompile(`^(Apache-2\.0|BSD-2-Clause|BSD-3-Clause|ISC|MIT)$`)
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|$").FindAllStringSubmatch(section, -1)
	var paths []string
	for _, row := range rows {
		if !licences.MatchString(row[2]) || len(row[3]) < 15 {
			t.Errorf("docs/dependencies.md: %s has licence %q and reason %q", row[1], row[2], row[3])
		}
		paths = append(paths, row[1])
	}
	return paths
}
