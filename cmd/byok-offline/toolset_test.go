package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"byok/internal/fingerprint"
	"byok/internal/rehearsal"
)

// buildOnline builds the other program, which makes the toolsets.
func buildOnline(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "byok-online")
	cmd := exec.Command("go", "build", "-tags", "netgo,osusergo,urfave_cli_no_docs", "-o", binary, "../byok-online")
	cmd.Env = append(os.Environ(), "GOEXPERIMENT=runtimesecret")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// putGenuine gives a script the genuine attestation.
func putGenuine(dir string) error {
	data, err := os.ReadFile("../../internal/attest/testdata/mhsm-rsa-2048.json")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "genuine.json"), data, 0o600)
}

// buildScriptToolset: toolset SERVICE SUFFIX has the other program make the
// toolset of a KEK in a rehearsal vault, in the current folder. It sets $ZIP,
// and its hash as $SUM and $WORDS, and $KEK to the fingerprint of the KEK.
func buildScriptToolset(ts *testscript.TestScript, _ bool, args []string) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	state := ts.MkAbs("vault-" + args[1])
	ready, ended := make(chan rehearsal.Info, 1), make(chan error, 1)
	go func() {
		c := rehearsal.Config{State: state, Listen: "127.0.0.1:0", Service: args[0]}
		ended <- rehearsal.Serve(ctx, c, func(i rehearsal.Info) { ready <- i })
	}()
	select {
	case err := <-ended:
		ts.Fatalf("rehearsal vault: %v", err)
	case <-ready:
	}
	kmdata := []string{"--rehearsal", state, "--kmdata", state + "-kmdata"}
	ts.Check(ts.Exec(ts.Getenv("ONLINE"), append([]string{"kek", "create", "--name", "KEKforBYOK", "--size", "2048", "--yes"}, kmdata...)...))
	ts.Check(ts.Exec(ts.Getenv("ONLINE"), append([]string{"toolset", "build", "--kek", "KEKforBYOK", "--suffix", args[1], "--out", "."}, kmdata...)...))
	cancel()
	ts.Check(<-ended)
	zip := ts.MkAbs("KeyVault-BYOK-Tools-" + args[1] + ".zip")
	sum, err := fingerprint.File(zip)
	ts.Check(err)
	_, kek, _ := strings.Cut(ts.ReadFile("stdout"), "KEK fingerprint  ")
	kek, _, _ = strings.Cut(kek, "\n")
	for name, value := range map[string]string{"ZIP": filepath.Base(zip), "SUM": sum.String(), "WORDS": strings.Join(sum.Words(), " "), "KEK": kek} {
		ts.Setenv(name, value)
	}
}
