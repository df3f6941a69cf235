//go:build linux

package ceremonytest

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// programs names the folder with the two programs, for these tests and for
// scripts/demo.sh.
const programs = "BYOK_BIN"

// buildFlags are how the Makefile builds the programs, but for the commit in
// them, and experiment its GOEXPERIMENT.
func buildFlags() []string {
	return []string{
		"-buildvcs=false", "-trimpath", "-tags", "netgo,osusergo,urfave_cli_no_docs",
		"-gcflags=all=-l -d=maxshapelen=100", "-gcflags=crypto/internal/fips140/bigmod=",
	}
}

const linkerFlags = "-w -buildid= -B none -funcalign=4 -extldflags=-Wl,--build-id=none"

const experiment = "runtimesecret,jsonv2"

// TestMain builds both programs, unless BYOK_BIN names a folder that has them,
// and runs the tests.
func TestMain(m *testing.M) {
	if os.Getenv(programs) != "" {
		testscript.Main(m, helpers())
	}
	testscript.Main(built{m}, helpers())
}

// helpers are programs that scripts run, played by the test binary.
func helpers() map[string]func() {
	return map[string]func(){"token-objects": tokenObjects, "trust-km": trustKM, "asks": asks}
}

// built runs the tests with programs of its own.
type built struct{ *testing.M }

// Run implements testscript.TestingM.
func (b built) Run() int {
	dir, err := os.MkdirTemp("", "byok-programs")
	if err == nil {
		defer os.RemoveAll(dir)
		err = errors.Join(os.Chmod(dir, 0o755), build(dir)) // one test runs them as nobody
	}
	if err == nil {
		err = os.Setenv(programs, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return b.M.Run()
}

func build(dir string) error {
	args := append(append([]string{"build"}, buildFlags()...), "-ldflags", linkerFlags, "-o", dir+"/", "byok/cmd/byok-offline", "byok/cmd/byok-online")
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "GOEXPERIMENT="+experiment)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building the two programs: %w\n%s", err, out)
	}
	return nil
}

// binary is the path of one of the two programs.
func binary(name string) string { return filepath.Join(os.Getenv(programs), name) }

// TestScripts runs testdata/script, each script in parallel with the others.
// With -args update the texts that scripts compare with become what was printed.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", Setup: setup, UpdateScripts: updating(), RequireUniqueNames: true, Cmds: scriptCommands()})
}

func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	commands := map[string]func(*testscript.TestScript, bool, []string){"opened": opened}
	for name, f := range map[string]func(*testscript.TestScript, []string){
		"exits": exits, "refuses": refuses, "answers": answers, "dialogue": converse, "watched": watched, "signalled": signalled,
		"serve": serve, "halt": halt, "deaf": deaf, "objects": objects, "get": get, "sum": sum, "flip": flip, "cut": cut, "edit": edit,
		"readonly": readonly, "faulty": faulty, "kek": makeKEK, "production": production, "document": document, "paper": paper,
		"officer": officer, "reported": reported,
	} {
		commands[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			if neg {
				ts.Fatalf("! cannot stand before %s", name)
			}
			f(ts, args)
		}
	}
	return commands
}

func updating() bool { return slices.Contains(flag.Args(), "update") }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
