package layout

import (
	"go/build/constraint"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"byok/internal/version"
)

// needed is what a build must have to be the released one, as build tags.
func needed() []string { return append(version.Tags(), "goexperiment."+version.Experiment) }

// TestGuard evaluates the constraints of byok-offline's guard for every build
// that lacks something: the guard is in it, and the mark of the release is not.
func TestGuard(t *testing.T) {
	guard, released := constraintOf(t, "guard.go"), constraintOf(t, "released.go")
	if test := constraintOf(t, "guard_test.go"); test.String() != guard.String() {
		t.Errorf("guard_test.go is built where %s, guard.go where %s", test, guard)
	}
	tags := needed()
	for set := range 1 << len(tags) {
		has := func(tag string) bool {
			i := slices.Index(tags, tag)
			return i >= 0 && set&(1<<i) != 0
		}
		all := set == 1<<len(tags)-1
		if guard.Eval(has) == all || released.Eval(has) != all {
			t.Errorf("with the set %b of %q: guarded %t, released %t", set, tags, guard.Eval(has), released.Eval(has))
		}
	}
}

func constraintOf(t *testing.T, name string) constraint.Expr {
	t.Helper()
	text, err := os.ReadFile("../../cmd/byok-offline/" + name)
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	expr, err := constraint.Parse(line)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return expr
}

// TestOtherBuildsAreRefused links byok-offline without the tags, as go build
// by the book does, and its tests, as a bare go test does.
func TestOtherBuildsAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, err := goCommand("build", "-o", dir+"/program", "./cmd/byok-offline").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "PLEASE_BUILD_THIS_PROGRAM_WITH_make_build") {
		t.Errorf("go build ./cmd/byok-offline: %v\n%s", err, out)
	}
	if _, err := os.Stat(dir + "/program"); err == nil {
		t.Error("go build ./cmd/byok-offline made a program")
	}
	if out, err := goCommand("test", "-c", "-o", dir+"/tests", "./cmd/byok-offline").CombinedOutput(); err != nil {
		t.Errorf("go test -c ./cmd/byok-offline: %v\n%s", err, out)
	}
}

// TestMakefile compares the tags and the experiment of make build with version's.
func TestMakefile(t *testing.T) {
	out, err := exec.Command("make", "--no-print-directory", "-C", "../..", "-n", "build", "GO=go").Output()
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^go build -buildvcs=(false) -trimpath -tags (\S+) .* -o bin/(\S+) \./cmd/(\S+)$`)
	found := commands.FindAllStringSubmatch(string(out), -1)
	if len(found) != 2 || found[0][4] != "byok-offline" || found[1][4] != "byok-online" {
		t.Fatalf("make build runs\n%s", out)
	}
	for _, f := range found {
		tags := strings.Split(f[2], ",")
		slices.Sort(tags)
		if f[3] != f[4] || !slices.Equal(tags, version.Tags()) {
			t.Errorf("make build runs %s, and version.Tags are %q", f[0], version.Tags())
		}
	}
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\nexport GOEXPERIMENT := "+version.Experiment+",jsonv2\n") {
		t.Errorf("the Makefile does not export GOEXPERIMENT := %s,jsonv2", version.Experiment)
	}
}
