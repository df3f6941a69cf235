package shared_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEveryTypeIsKnown finds every type that a file of the project says it has,
// and inspects a file that says no more: its fault may be anything but that
// the file is not one of the project.
func TestEveryTypeIsKnown(t *testing.T) {
	kmdataDir(t)
	types := typesInSource(t)
	if len(types) < 18 {
		t.Fatalf("only %d types are in the source: %q", len(types), types)
	}
	known := 0
	for _, name := range types {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(`{"type":"`+name+`","version":1}`+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := run(t, "inspect", path); strings.Contains(got.err, "not a file of this project") {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		known++
	}
	t.Logf("types of files that inspect knows: %d of %d", known, len(types))
}

// typesInSource are the constants that are the type of a file: those of a name
// with Type in it, and the types of statements.
func typesInSource(t *testing.T) (types []string) {
	t.Helper()
	constant := regexp.MustCompile(`(?m)^\s*(?:const )?\w*[tT]ype\w* *= *"(byok-[a-z-]+)"|(?m)^\s*Type\w+ += "(byok-[a-z-]+)"`)
	files, err := filepath.Glob("../*/*.go")
	deeper, _ := filepath.Glob("../*/*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, path := range append(files, deeper...) {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testkit/") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range constant.FindAllStringSubmatch(string(source), -1) {
			if name := m[1] + m[2]; !slices.Contains(types, name) {
				types = append(types, name)
			}
		}
	}
	return types
}

// TestOpenedCard: what holds a share says so, and shows nothing of it.
func TestOpenedCard(t *testing.T) {
	kmdataDir(t)
	path := filepath.Join(t.TempDir(), "card.json")
	card := `{"type":"byok-administrator-card","version":1,"share":"0123456789"}` + "\n"
	if err := os.WriteFile(path, []byte(card), 0o600); err != nil {
		t.Fatal(err)
	}
	got := run(t, "inspect", path)
	const want = "file     administrator card, OPEN: it holds a share; destroy it\n"
	if got.status != 0 || !strings.HasPrefix(got.out, want) || strings.Contains(got.out, "0123456789") {
		t.Errorf("%+v", got)
	}
}

// TestPlan: a plan as it is written, and under a name of its own.
func TestPlan(t *testing.T) {
	kmdataDir(t)
	path := filepath.Join(t.TempDir(), "winter")
	if got := run(t, "ceremony", "new", path); got.status != 0 {
		t.Fatal(got.err)
	}
	if got := run(t, "inspect", path); !strings.HasPrefix(got.out, "file     plan of a ceremony\n") {
		t.Errorf("%+v", got)
	}
}
