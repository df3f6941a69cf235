package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/testkit/practice"
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
			e.Setenv("BYOK_CONFIG", filepath.Join(e.WorkDir, "config"))
			e.Values[sceneKey{}] = &scene{}
			return nil
		},
	})
}

// scene is what the commands of one script share.
type scene struct {
	vault   *practice.Vault
	azure   []string // options
	address string   // of the vault behind the fake Azure
}

type sceneKey struct{}

func sceneOf(ts *testscript.TestScript) *scene { return ts.Value(sceneKey{}).(*scene) }

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func scriptCommands() map[string]scriptCommand {
	return map[string]scriptCommand{
		"status":    runForStatus,
		"rehearsal": startRehearsal,
		"faults":    setRehearsalFaults,
		"purge":     purgeKey,
		"package":   makePackage,
		"azure":     startAzure,
		"mirror":    startMirror,
		"proxy":     startProxy,
	}
}

// runForStatus: status N PROGRAM ARG… runs the program without a terminal and
// compares its exit status; stdout and stderr can be looked at afterwards. The
// word @azure stands for the options that sign in to the fake Azure.
func runForStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	words := []string{"--wait"}
	for _, word := range args[1:] {
		if word == "@azure" {
			words = append(words, sceneOf(ts).azure...)
			continue
		}
		words = append(words, word)
	}
	err = ts.Exec("setsid", words...)
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
