package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/testkit/softhsm"
)

func TestMain(m *testing.M) {
	testscript.Main(tidying{m}, map[string]func(){"byok-offline": main})
}

// tidying runs the tests, and removes what they keep for one another.
type tidying struct{ *testing.M }

func (m tidying) Run() int {
	defer raiseSiege()
	return m.M.Run()
}

// TestScripts runs the program as people do, each script with a SoftHSM of its
// own at $BYOK_PKCS11_MODULE. Beside testscript's own commands there are those
// of scriptCommands.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	library, err := softhsm.Library()
	if err != nil {
		t.Fatal(err)
	}
	online := buildOnline(t)
	testscript.Run(t, testscript.Params{
		Files: scripts, RequireExplicitExec: true, Cmds: scriptCommands(),
		Setup: func(e *testscript.Env) error {
			conf, err := softhsm.Configure(e.WorkDir)
			for name, value := range map[string]string{
				"BYOK_KMDATA": filepath.Join(e.WorkDir, "kmdata"), "SOFTHSM2_CONF": conf, "BYOK_PKCS11_MODULE": library, "ONLINE": online,
			} {
				e.Setenv(name, value)
			}
			return errors.Join(err, putGenuine(e.WorkDir))
		},
	})
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"status":  runForStatus,
		"world":   createScriptWorld,
		"toolset": buildScriptToolset,
	}
}

// runForStatus: status N PROGRAM ARG… runs the program without a terminal and
// compares its exit status; stdout and stderr can be looked at afterwards.
func runForStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("setsid", append([]string{"--wait"}, args[1:]...)...)
	got := 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("status %d, want %d", got, want)
	}
}

// createScriptWorld: world [FLAG…] creates a world of one card in card/, with
// its PIN in pin and the card's passphrase in cardpin.
func createScriptWorld(ts *testscript.TestScript, _ bool, args []string) {
	for name, text := range map[string]string{"pin": "pin of the script", "cardpin": "passphrase of the script"} {
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text+"\n"), 0o600))
	}
	ts.Check(os.Mkdir(ts.MkAbs("card"), 0o700))
	ts.Check(ts.Exec("byok-offline", append([]string{
		"world", "create", "--acs-quorum", "1/1", "--pin-file", "pin", "--card", "card", "--card-pin-file", "cardpin", "--holder", "Alice",
	}, args...)...))
}
