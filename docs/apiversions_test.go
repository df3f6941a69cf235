package docs

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// notice is how long before a version's end a release must be under way.
const notice = 180 * 24 * time.Hour

// apiVersion is a row of api-versions.md.
type apiVersion struct {
	service, version string
	by               []string // last elements of module paths
	end              string
}

func apiVersions(t *testing.T) (rows []apiVersion) {
	t.Helper()
	page, err := os.ReadFile("api-versions.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.HasPrefix(line, "| ---") || strings.HasPrefix(line, "| service ") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
			if cells[i] == "" {
				t.Errorf("a cell is empty: %s", line)
			}
		}
		rows = append(rows, apiVersion{cells[0], cells[1], strings.Split(cells[2], ", "), cells[3]})
	}
	return rows
}

// ended says why the version's end is too near at now, or nothing.
func (v apiVersion) ended(now time.Time) string {
	if strings.HasPrefix(v.end, "none") {
		return ""
	}
	end, err := time.Parse(time.DateOnly, v.end)
	switch {
	case err != nil:
		return "the known end is \"none\" or a date: " + v.end
	case now.Add(notice).After(end):
		return "ends on " + v.end + ": move to a newer version and release before that"
	}
	return ""
}

func TestAPIVersionsEnd(t *testing.T) {
	rows := apiVersions(t)
	for _, v := range rows {
		if why := v.ended(time.Now()); why != "" {
			t.Errorf("%s %s %s", v.service, v.version, why)
		}
	}
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for end, want := range map[string]string{
		"none": "", "none; others end": "", "2027-05-26": "", "2030-01-01": "",
		"2027-05-24": "ends on 2027-05-24: move to a newer version and release before that",
		"2027-02-27": "ends on 2027-02-27: move to a newer version and release before that",
		"2020-01-01": "ends on 2020-01-01: move to a newer version and release before that",
		"soon":       `the known end is "none" or a date: soon`,
	} {
		if got := (apiVersion{end: end}).ended(now); got != want {
			t.Errorf("%s: %q, want %q", end, got, want)
		}
	}
}

// spoken is how the sources of the SDKs and ours name a version.
var spoken = []*regexp.Regexp{
	regexp.MustCompile(`(?i)api-?version"?\s*(?:=|:=|:|,)\s*(?:\[\]string\{)?"([0-9][0-9a-z.-]*)"`),
	regexp.MustCompile(`(?i)[?&]api-version=([0-9][0-9a-z.-]*)`),
}

// linked are the packages of byok-online, by folder, with the last element of
// their module's path. Of other modules than Azure's none speaks to Azure.
func linked(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-tags", "netgo,osusergo,urfave_cli_no_docs", "-deps",
		"-f", "{{if .Module}}{{.Module.Path}} {{.Dir}}{{end}}", "byok/cmd/byok-online").Output()
	if err != nil {
		t.Fatal(err)
	}
	dirs := map[string]string{}
	for line := range strings.Lines(string(out)) {
		module, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		if module == "byok" || strings.HasPrefix(strings.ToLower(module), "github.com/azure") {
			dirs[dir] = path.Base(module)
		}
	}
	return dirs
}

// TestAPIVersionsAreListed: what the sources speak is in the table, and nothing else.
func TestAPIVersionsAreListed(t *testing.T) {
	rows := apiVersions(t)
	found := map[string]bool{}
	for dir, module := range linked(t) {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no sources in %s: %v", dir, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				collect(t, file, module, found)
			}
		}
	}
	listed := 0
	for _, v := range rows {
		for _, by := range v.by {
			if !found[v.version+" by "+by] {
				t.Errorf("%s: %s is not spoken by %s any more", v.service, v.version, by)
			}
			listed++
		}
	}
	for what := range found {
		if !slices.ContainsFunc(rows, func(v apiVersion) bool {
			version, by, _ := strings.Cut(what, " by ")
			return v.version == version && slices.Contains(v.by, by)
		}) {
			t.Errorf("%s is missing from api-versions.md", what)
		}
	}
	t.Logf("API versions: %d of %d", len(found), listed)
}

func collect(t *testing.T, file, module string, found map[string]bool) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range spoken {
		for _, m := range r.FindAllSubmatch(source, -1) {
			found[string(m[1])+" by "+module] = true
		}
	}
}
