package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/hsm/shim"
	"byok/internal/hsm/softhsm"
	"byok/internal/secret"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

// rig is the program, the library that goes wrong, and a toolset.
type rig struct {
	binary, library, real string
	kek, world, sum       string // packages' paths, KEK's fingerprint
	listing               sync.Mutex
}

// outcome is what a run of the program came to.
type outcome struct {
	status exitcode.Code
	killed bool
	text   string // stdout and stderr
	errors []string
}

// ceremonyCase is a folder in which a subject is about to be run, and what
// it leaves there when nothing goes wrong.
type ceremonyCase struct {
	subject subject
	dir     string
	want    []string
}

const (
	faultPIN   = "pin-of-the-fault-test"
	faultLabel = "fault"
)

func newRig(t *testing.T) *rig {
	t.Helper()
	real, err := softhsm.Library()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{binary: buildLocked(t), library: shim.Build(t), real: real}
	r.writeToolset(t)
	return r
}

// buildLocked builds the program with its main goroutine locked to the main
// thread, because strace counts the system calls of a thread.
func buildLocked(t *testing.T) string {
	t.Helper()
	dir, here := t.TempDir(), mustDo(os.Getwd())(t)
	source, overlay, binary := filepath.Join(dir, "locked.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "byok-offline")
	mustWrite(t, source, []byte("package main\n\nimport \"runtime\"\n\nfunc init() { runtime.LockOSThread() }\n"))
	text := mustDo(json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(here, "locked.go"): source}}))(t)
	mustWrite(t, overlay, text)
	cmd := exec.Command("go", "build", "-overlay", overlay, "-tags", "netgo,osusergo,urfave_cli_no_docs", "-o", binary, ".")
	cmd.Env = append(os.Environ(), "GOEXPERIMENT=runtimesecret")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

func mustDo[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func mustWrite(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// writeToolset writes the packages of a KEK in a rehearsal vault without attestation.
func (r *rig) writeToolset(t *testing.T) {
	dir := t.TempDir()
	key := mustDo(rsa.GenerateKey(rand.Reader, 2048))(t)
	pem := mustDo(transfer.MarshalPublicKey(&key.PublicKey))(t)
	sum := mustDo(transfer.SPKIHash(&key.PublicKey))(t)
	kid := mustDo(transfer.ParseKeyID("https://localhost:8443/keys/KEKforBYOK/00112233445566778899aabbccddeeff"))(t)
	world := mustDo(toolset.SecurityWorldPackage{
		Type: toolset.SecurityWorldType, Version: toolset.Version, Suffix: "FAULT", Generation: 1, Rehearsal: true,
		Service: toolset.ServiceVault, Cloud: "AzurePublic", Vault: kid.Vault,
	}.Marshal())(t)
	kek := mustDo(toolset.KEKPackage{
		Type: toolset.KEKType, Version: toolset.Version, Suffix: "FAULT", Generation: 1, Rehearsal: true, KID: kid, PublicKey: pem,
		KeyOps: []string{"import"}, Created: time.Now().UTC().Truncate(time.Second), SecurityWorld: fingerprint.Of(world),
	}.Marshal())(t)
	r.kek, r.world, r.sum = filepath.Join(dir, toolset.KEKName("FAULT", 1)), filepath.Join(dir, toolset.SecurityWorldName("FAULT", 1)), fingerprint.Sum(sum).String()
	mustWrite(t, r.kek, kek)
	mustWrite(t, r.world, world)
}

// prepare runs in a new folder what comes before the subject.
func (r *rig) prepare(t *testing.T, s subject) ceremonyCase {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"secrets", "card1", "card2", "card3", "card4", "kmdata", "out"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, filepath.Join(dir, "secrets", "pin"), []byte(faultPIN))
	for _, card := range []string{"card1", "card2", "card3", "card4"} {
		mustWrite(t, filepath.Join(dir, "secrets", card), []byte("passphrase of "+card))
	}
	mustDo(softhsm.Configure(dir))(t)
	for _, earlier := range subjects() {
		if !slices.Contains(s.before, earlier.name) {
			continue
		}
		if out := r.run(t, dir, earlier); out.status != exitcode.Done {
			t.Fatalf("%s before %s: status %d\n%s", earlier.name, s.name, out.status, out.text)
		}
	}
	if s.blanked {
		if err := os.RemoveAll(filepath.Join(dir, "tokens")); err != nil {
			t.Fatal(err)
		}
		mustDo(softhsm.Configure(dir))(t)
	}
	return ceremonyCase{subject: s, dir: dir}
}

// undisturbed runs the subject in a copy of its folder, keeps what it leaves
// as what is wanted, and returns the PKCS#11 calls it makes.
func (r *rig) undisturbed(t *testing.T, c *ceremonyCase) []string {
	t.Helper()
	dir := r.copyOf(t, c.dir)
	log := filepath.Join(t.TempDir(), "calls")
	if out := r.run(t, dir, c.subject, "SHIM_LOG="+log); out.status != exitcode.Done {
		t.Fatalf("%s: status %d\n%s", c.subject.name, out.status, out.text)
	}
	c.want = r.state(t, dir)
	calls := shim.Calls(t, log)
	if len(calls) == 0 {
		t.Fatalf("%s makes no PKCS#11 call", c.subject.name)
	}
	return calls
}

// copyOf copies a ceremony's folder, modes and all; the token goes with it.
func (r *rig) copyOf(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if out, err := exec.Command("cp", "-a", from+"/.", to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	mustDo(softhsm.Configure(to))(t)
	return to
}

// run runs a subject in dir behind the shim.
func (r *rig) run(t *testing.T, dir string, s subject, env ...string) outcome {
	t.Helper()
	return r.runUnder(t, nil, dir, s, env...)
}

// runUnder does so under another program, such as strace.
func (r *rig) runUnder(t *testing.T, under []string, dir string, s subject, env ...string) outcome {
	t.Helper()
	args := strings.NewReplacer("KEKPKG", r.kek, "SWPKG", r.world, "KEKSUM", r.sum).Replace(s.name + " --module-path " + r.library + " " + s.args)
	line := slices.Concat(under, []string{r.binary}, strings.Fields(args))
	cmd := exec.Command(line[0], line[1:]...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &stdout, &stderr
	cmd.Env = slices.Concat([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "BYOK_KMDATA=kmdata",
		"SOFTHSM2_CONF=" + filepath.Join(dir, "softhsm2.conf"), "SHIM_MODULE=" + r.real}, env)
	err := cmd.Run()
	out := outcome{text: stdout.String() + stderr.String(), errors: matching(stderr.String(), "byok-offline: error: ")}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL:
		out.killed = true
	case errors.As(err, &exit):
		out.status = exitcode.Code(exit.ExitCode())
	case err != nil:
		t.Fatal(err)
	}
	return out
}

func matching(text, prefix string) (lines []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, line)
		}
	}
	return lines
}

// oneClearLine wants one line of error, of the status given, or none and success.
func (o outcome) oneClearLine(t *testing.T, status exitcode.Code) {
	t.Helper()
	want, last := 1, "Result: FAILURE"
	if o.status == exitcode.Done {
		want, last, status = 0, "Result: SUCCESS", exitcode.Done
	}
	if o.status != status || len(o.errors) != want || !strings.Contains(o.text, last) || strings.Contains(o.text, "internal error") {
		t.Errorf("status %d, want %d; %d lines of error, want %d:\n%s", o.status, status, len(o.errors), want, o.text)
	}
	for line := range strings.Lines(strings.TrimSpace(o.text[max(strings.Index(o.text, last), 0):])) {
		if !strings.HasPrefix(line, "byok-offline: ") && !strings.HasPrefix(line, last) {
			t.Errorf("a line of its own: %q in\n%s", line, o.text)
		}
	}
}

// temporary matches what a killed run may leave: durable's temporaries, the
// test that a card folder can be written to, the note of who holds kmdata.
var temporary = regexp.MustCompile(`^\.(.+\.tmp-[0-9A-Z]+|byok-write-test-[0-9]+|held-by)$`)

// varying takes out of a file's name what is another in every run: a token's
// serial number, and the time at which a record was put aside.
var varying = patterns{regexp.MustCompile(`_[0-9a-f]{16}\b`), regexp.MustCompile(`\.20[0-9]{6}T[0-9]{6}Z`)}

type patterns []*regexp.Regexp

// Replace puts an ellipsis for every match.
func (p patterns) Replace(name string) string {
	for _, one := range p {
		name = one.ReplaceAllString(name, "…")
	}
	return name
}

// state lists what a ceremony's folder and its token hold: the names of
// files, and the labels of objects.
func (r *rig) state(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	for _, part := range []string{"kmdata", "out", "card1", "card2", "card3", "card4"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && !temporary.MatchString(d.Name()) {
				list = append(list, varying.Replace(strings.TrimPrefix(path, dir+"/")))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return append(list, r.labels(t, dir)...)
}

// labels lists the objects on a ceremony's token, as the operator sees them.
func (r *rig) labels(t *testing.T, dir string) []string {
	t.Helper()
	r.listing.Lock()
	defer r.listing.Unlock()
	if err := os.Setenv("SOFTHSM2_CONF", filepath.Join(dir, "softhsm2.conf")); err != nil {
		t.Fatal(err)
	}
	m := mustDo(hsm.Load(r.real))(t)
	defer m.Close()
	tokens := mustDo(m.Labelled(faultLabel))(t)
	if len(tokens) != 1 {
		t.Fatalf("%d tokens labelled %s", len(tokens), faultLabel)
	}
	u := mustDo(m.User(tokens[0], secret.Take([]byte(faultPIN))))(t)
	defer u.Close()
	labels := mustDo(u.Labels())(t)
	for i := range labels {
		labels[i] = "token: " + labels[i]
	}
	slices.Sort(labels)
	for i := range labels { // two of the same name are two
		labels[i] = fmt.Sprintf("%s (%d)", labels[i], i-slices.Index(labels[:i+1], labels[i]))
	}
	return labels
}
