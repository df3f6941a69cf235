//go:build wine

// Package windowstest runs byok-online.exe under Wine. It holds tests alone;
// scripts/windows/test.sh makes what they need and starts them, and docs/windows.md
// says what they cannot show.
package windowstest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// work is the folder that scripts/windows/test.sh has made.
func work(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("BYOK_WINDOWS")
	if dir == "" {
		t.Fatal("BYOK_WINDOWS is not set: run make test-windows")
	}
	return dir
}

// ceremony is the folder that scripts/connected.sh has left.
func ceremony(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(read(t, filepath.Join(work(t), "ceremony")))
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// under has a program of the work folder run under Wine.
func under(t *testing.T, dir, program string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command("/usr/lib/wine/wine64", append([]string{filepath.Join(work(t), program)}, args...)...)
	c.Dir = dir
	c.Env = append(os.Environ(), "WINEPREFIX="+filepath.Join(work(t), "prefix"), "WINEDEBUG=-all",
		"BYOK_KMDATA="+filepath.Join(dir, "kmdata"))
	return c
}

// online runs byok-online.exe, and returns all that it says and its exit status.
func online(t *testing.T, dir string, args ...string) (said string, status int) {
	t.Helper()
	return ran(t, under(t, dir, "byok-online.exe", args...))
}

// linux runs byok-online on this computer.
func linux(t *testing.T, dir string, args ...string) (said string, status int) {
	t.Helper()
	c := exec.Command(filepath.Join(work(t), "bin", "byok-online"), args...)
	c.Dir, c.Env = dir, append(os.Environ(), "BYOK_KMDATA="+filepath.Join(dir, "kmdata-linux"))
	return ran(t, c)
}

// ran runs a command. What it says goes to a file: Wine's own processes, which the
// first program starts, would keep a pipe open.
func ran(t *testing.T, c *exec.Cmd) (said string, status int) {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "said")
	if err != nil {
		t.Error(err)
		return "", -1
	}
	defer out.Close()
	c.Stdout, c.Stderr = out, out
	var failed *exec.ExitError
	if err := c.Run(); err != nil && !errors.As(err, &failed) {
		t.Error(err)
		return "", -1
	}
	data, err := os.ReadFile(out.Name())
	if err != nil {
		t.Error(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n"), c.ProcessState.ExitCode()
}

// vault runs a rehearsal vault until t ends, and returns its address.
func vault(t *testing.T, serve *exec.Cmd, state string) (url string) {
	t.Helper()
	said := filepath.Join(t.TempDir(), "said")
	out, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	serve.Stdout, serve.Stderr = out, out
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = serve.Process.Kill(), serve.Wait() })
	for range 300 {
		if data, err := os.ReadFile(filepath.Join(state, "url")); err == nil && len(data) > 0 &&
			strings.Contains(read(t, said), "https://localhost:") {
			return strings.TrimSpace(string(data))
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no vault: %s", read(t, said))
	return ""
}

// serve is the command line of a vault.
func serve(state string) []string {
	return []string{"rehearsal", "serve", "--listen", "127.0.0.1:0", "--state", state}
}

// onLinux runs a vault on this computer, whose state is in dir/vault.
func onLinux(t *testing.T, dir string) (url string) {
	t.Helper()
	c := exec.Command(filepath.Join(work(t), "bin", "byok-online"), serve("vault")...)
	c.Dir = dir
	return vault(t, c, filepath.Join(dir, "vault"))
}

// TestCommands has commands that look, and those that Windows refuses something.
func TestCommands(t *testing.T) {
	dir := ceremony(t)
	hknso := strings.TrimSpace(read(t, filepath.Join(dir, "hknso")))
	const pattern = `online\KeyTransferPackage-*.byok`
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"version", []string{"--version"}, 0, ", windows/amd64"},
		{"help", []string{"kek", "create", "--help"}, 0, `%NFAST_KMDATA%, or`},
		{"a pattern", []string{"inspect", "--hknso", hknso, pattern}, 0, "contosokey, RSA-2048"},
		{"a drive", []string{"fingerprint", `Z:` + strings.ReplaceAll(dir, "/", `\`) + `\hknso`}, 0, "hknso\n"},
		{"the log", []string{"ceremony", "verify", "--kmdata", `online\kmdata`}, 0, "Result: SUCCESS"},
		{"a record", []string{"audit", "--hknso", hknso, "bundle"}, 0, "Result: SUCCESS"},
		{"a report", []string{"ceremony", "report", "--out", `online\again.html`, "bundle"}, 0, "paper"},
		{"the same again", []string{"ceremony", "report", "--out", `online\again.html`, "bundle"}, 6,
			`error: online\again.html already exists and is never overwritten`},
		{"no file", []string{"fingerprint", `none\x`}, 2, `error: none\x: no such file`},
		{"a second content of a file", []string{"ceremony", "report", "--out", `online\a:b.html`, "bundle"}, 6,
			`error: online\a:b.html cannot be created: a name on Windows has none of <>:"|?* in it, and no control character`},
		{"a device", []string{"ceremony", "report", "--out", "nul.html", "bundle"}, 6,
			"error: nul.html cannot be created: Windows keeps this name for a device"},
		{"a name that Windows changes", []string{"ceremony", "report", "--out", "report.", "bundle"}, 6,
			"error: report. cannot be created: Windows would drop the full stop or blank that the name ends with"},
		{"a folder that nobody may write to", []string{"ceremony", "report", "--out", `Z:\sys\r.html`, "bundle"}, 1,
			`error: Z:\sys\r.html cannot be created: access denied`},
		{"a vault that has ended", []string{"kek", "show", "--rehearsal", "vault", "--name", "K"}, 5,
			"hint: check the address; a rehearsal's vault is started with byok-online rehearsal serve"},
	} {
		said, status := online(t, dir, c.args...)
		if status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s: status %d, %s", c.name, status, said)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "online", ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// TestAtOnce has several commands begin on one log: each works or says that it must
// wait, and each is in the log, whose chain holds.
func TestAtOnce(t *testing.T) {
	const runs = 8
	dir := t.TempDir()
	url := onLinux(t, dir)
	results := make(chan string, runs)
	for i := range runs {
		go func() {
			said, status := online(t, dir, "kek", "create", "--rehearsal", "vault", "--vault", url,
				"--name", fmt.Sprint("K", i), "--size", "2048", "--expires-in", "72h", "--yes")
			results <- fmt.Sprintf("status %d, %s", status, said)
		}()
	}
	worked := 0
	for range runs {
		switch said := <-results; {
		case strings.HasPrefix(said, "status 0"):
			worked++
		case !strings.HasPrefix(said, "status 6") || !strings.Contains(said, "kmdata is in use by byok-online kek create, process "):
			t.Error(said)
		}
	}
	if said, status := online(t, dir, "ceremony", "verify"); status != 0 || !strings.Contains(said, "Result: SUCCESS") {
		t.Errorf("status %d, %s", status, said)
	}
	log := read(t, filepath.Join(dir, "kmdata", "local", "ceremony.jsonl"))
	for part, want := range map[string]int{`"phase":"begin"`: runs, `"phase":"end"`: runs, `"result":"SUCCESS"`: worked} {
		if n := strings.Count(log, part); n != want {
			t.Errorf("%d times %s in the log, not %d:\n%s", n, part, want, log)
		}
	}
	if worked == 0 {
		t.Error("none worked")
	}
}

// TestKilled kills what writes a toolset, later each time until two have ended by
// themselves: its file is whole or not there, the log holds, and the next run does it.
func TestKilled(t *testing.T) {
	const most = 60
	dir := t.TempDir()
	url := onLinux(t, dir)
	if said, status := linux(t, dir, "kek", "create", "--rehearsal", "vault", "--vault", url, "--name", "K", "--size", "2048",
		"--expires-in", "72h", "--yes"); status != 0 {
		t.Fatal(said)
	}
	build := []string{"toolset", "build", "--rehearsal", "vault", "--vault", url, "--kek", "K", "--suffix", "W", "--out"}
	whole := toolset(t, dir, "whole", build)
	began := time.Now()
	toolset(t, dir, "again", build)
	takes := time.Since(began)
	written, ended, kills := 0, 0, 0
	for i := 0; ended < 2 && i < most; i++ {
		out := fmt.Sprint("out", i)
		if err := os.Mkdir(filepath.Join(dir, out), 0o755); err != nil {
			t.Fatal(err)
		}
		c := under(t, dir, "byok-online.exe", append(build, out)...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(takes * time.Duration(i+1) / 10)
		_, _ = c.Process.Kill(), c.Wait()
		if c.ProcessState.Success() {
			ended++
		} else {
			kills++
		}
		files, err := os.ReadDir(filepath.Join(dir, out))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			info, err := f.Info()
			switch {
			case err != nil:
				t.Error(err)
			case strings.HasPrefix(f.Name(), ".") && strings.Contains(f.Name(), ".tmp-"):
			case f.Name() != zipName || info.Size() != whole:
				t.Errorf("run %d: %s, %d bytes", i+1, f.Name(), info.Size())
			default:
				written++
			}
		}
	}
	if said, status := online(t, dir, "ceremony", "verify"); status != 0 {
		t.Errorf("status %d, %s", status, said)
	}
	if ended == 0 || kills < 3 {
		t.Errorf("%d were killed, %d ended", kills, ended)
	}
	t.Logf("%d kills; %d toolsets are there, %d of runs that ended", kills, written, ended)
	toolset(t, dir, "after", build)
}

const zipName = "KeyVault-BYOK-Tools-W.zip"

// toolset builds a toolset in a folder of its own, and returns its size.
func toolset(t *testing.T, dir, out string, build []string) int64 {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, out), 0o755); err != nil {
		t.Fatal(err)
	}
	if said, status := online(t, dir, append(build, out)...); status != 0 {
		t.Fatal(said)
	}
	info, err := os.Stat(filepath.Join(dir, out, zipName))
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestVault runs the vault under Wine: a client on Linux, one under Wine, a second
// vault on its folder, and a start after it was killed.
func TestVault(t *testing.T) {
	dir := t.TempDir()
	state := filepath.Join(dir, "vault")
	first := under(t, dir, "byok-online.exe", serve("vault")...)
	url := vault(t, first, state)
	create := []string{"kek", "create", "--rehearsal", "vault", "--size", "2048", "--expires-in", "72h", "--yes"}
	for name, run := range map[string]func(*testing.T, string, ...string) (string, int){"L": linux, "W": online} {
		if said, status := run(t, dir, append(create, "--vault", url, "--name", name)...); status != 0 {
			t.Errorf("%s: status %d, %s", name, status, said)
		}
	}
	said, status := online(t, dir, serve("vault")...)
	if status != 6 || !strings.Contains(said, "error: vault is in use by another rehearsal vault (process ") {
		t.Errorf("a second vault: status %d, %s", status, said)
	}
	for _, name := range []string{"token", "tls-private.pem"} {
		if info, err := os.Stat(filepath.Join(state, name)); err != nil || info.Mode().Perm()&0o007 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	_, _ = first.Process.Kill(), first.Wait()
	if err := os.Remove(filepath.Join(state, "url")); err != nil {
		t.Fatal(err)
	}
	url = vault(t, under(t, dir, "byok-online.exe", serve("vault")...), state)
	for _, name := range []string{"L", "W"} {
		if said, status := linux(t, dir, "kek", "show", "--rehearsal", "vault", "--vault", url, "--name", name); status != 0 {
			t.Errorf("after a kill, %s: status %d, %s", name, status, said)
		}
	}
}
