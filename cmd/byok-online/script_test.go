package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"byok-online": main})
}

// TestScripts runs the program as people do. Beside testscript's own commands
// there are those of scriptCommands.
func TestScripts(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	testscript.Run(t, testscript.Params{
		Files: scripts, RequireExplicitExec: true, Cmds: scriptCommands(),
		Setup: func(e *testscript.Env) error {
			e.Setenv("BYOK_KMDATA", filepath.Join(e.WorkDir, "kmdata"))
			e.Values[scene{}] = &scene{}
			return nil
		},
	})
}

// scene is what the commands of one script share.
type scene struct {
	practice *practice
}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value(scene{}).(*scene) }

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"status":    runForStatus,
		"rehearsal": startRehearsal,
		"faults":    setRehearsalFaults,
		"package":   makePackage,
		"azure":     startAzure,
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
