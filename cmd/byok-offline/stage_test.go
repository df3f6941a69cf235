package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/hsm/probe"
	"byok/internal/hsm/shim"
	"byok/internal/supervisor"
	"byok/internal/testkit/ramdisk"
	"byok/internal/testkit/softhsm"
)

// stage is a folder in which a ceremony is held behind the shim: kmdata, the
// token, card1 to card4, out, and in secrets the PINs and passphrases. All of
// it is named relative to the folder, and the library finds its configuration
// by HOME, which a world does not record: a stage can be copied, world and
// all, and the copy goes on from there.
type stage struct {
	dir     string
	binary  string
	library string // the shim, before SoftHSM
	kek     vaultKEK
}

const (
	stagePIN   = "pin-of-the-stage"
	stageLabel = "stage"
	withPINs   = " --pin-file secrets/pin"
)

// newStage makes a stage with an empty SoftHSM and blank cards.
func newStage(t testing.TB) *stage {
	t.Helper()
	s := bareStage(t)
	for _, name := range []string{"secrets", "kmdata", "out", "tmp", "kek", "card1", "card2", "card3", "card4"} {
		if err := os.Mkdir(s.path(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"pin": stagePIN, "newpin": "next-" + stagePIN, "so": "so-" + stagePIN, "newcard1": "next passphrase of card1",
		"card1": "passphrase of card1", "card2": "passphrase of card2",
		"card3": "passphrase of card3", "card4": "passphrase of card4",
	} {
		mustWrite(t, s.path("secrets/"+name), []byte(text+"\n"))
	}
	s.kek = newVaultKEK(t, s.path("kek"), "KEKforBYOK")
	s.kek.flags = strings.ReplaceAll(s.kek.flags, s.dir+"/", "")
	s.configure(t)
	return s
}

// bareStage is a stage with nothing in its folder.
func bareStage(t testing.TB) *stage {
	t.Helper()
	return &stage{dir: ramdisk.Folder(t), binary: builtProgram(t), library: shim.Build(t)}
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// configure points SoftHSM to the stage's own tokens.
func (s *stage) configure(t testing.TB) {
	t.Helper()
	home := s.path(".config/softhsm2")
	if err := os.MkdirAll(home, 0o700); err != nil {
		t.Fatal(err)
	}
	conf := mustDo(softhsm.Configure(s.dir))(t)
	if err := os.Rename(conf, filepath.Join(home, "softhsm2.conf")); err != nil {
		t.Fatal(err)
	}
}

// copied is the same ceremony in another folder, modes and token included.
func (s *stage) copied(t testing.TB) *stage {
	t.Helper()
	to := *s
	to.dir = ramdisk.Folder(t)
	s.store(t).unpack(t, &to)
	return &to
}

// stored is all that is in a stage's folder.
type stored []storedEntry

// storedEntry is a file or a folder, by its path in the stage.
type storedEntry struct {
	path string
	mode fs.FileMode
	data []byte
}

// store reads the stage's folder.
func (s *stage) store(t testing.TB) (p stored) {
	t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		e := storedEntry{path: strings.TrimPrefix(path, s.dir+"/"), mode: info.Mode()}
		if info.Mode().IsRegular() {
			e.data, err = os.ReadFile(path)
		}
		p = append(p, e)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// unpack writes what was stored into the folder of a stage.
func (p stored) unpack(t testing.TB, s *stage) {
	t.Helper()
	for _, e := range p {
		var err error
		switch {
		case e.mode.IsDir():
			err = os.Mkdir(s.path(e.path), e.mode.Perm())
		case e.mode.IsRegular():
			err = os.WriteFile(s.path(e.path), e.data, e.mode.Perm())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s.configure(t)
}

// blankToken takes the token away and leaves a free slot in its place.
func (s *stage) blankToken(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(s.path("tokens")); err != nil {
		t.Fatal(err)
	}
	s.configure(t)
}

// ending is how a run of the program ended.
type ending struct {
	status exitcode.Code
	killed bool   // the process that ran the library, by SIGKILL
	text   string // stdout and stderr
	errors []string
}

// run runs a command line; env steers the shim.
func (s *stage) run(t testing.TB, line string, env ...string) ending {
	t.Helper()
	return s.runUnder(t, nil, line, env...)
}

// must runs a command line that has to succeed.
func (s *stage) must(t testing.TB, line string, env ...string) ending {
	t.Helper()
	out := s.run(t, line, env...)
	if out.status != exitcode.Done || out.killed {
		t.Fatalf("%s: status %d\n%s", line, out.status, out.text)
	}
	return out
}

// command is the program on the stage, under another program such as strace.
// SHIM in a line is the library; $KEK are the flags that name the KEK.
func (s *stage) command(under []string, line string, env ...string) *exec.Cmd {
	line = strings.NewReplacer("SHIM", s.library, "$KEK", s.kek.flags).Replace(line)
	args := slices.Concat(under, []string{s.binary}, words(line))
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = s.dir
	cmd.Env = slices.Concat(s.environ(), env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal to ask at
	return cmd
}

// environ has the probes' RSA keys made short, and those that open a backup be
// there at once: SoftHSM takes long over others.
func (s *stage) environ() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.path("tmp"), "BYOK_KMDATA=kmdata",
		"BYOK_PKCS11_MODULE=" + s.library, "BYOK_SHIM_SHORT_RSA=" + probe.Label,
		"BYOK_SHIM_FIXED_RSA=byok-session"}
}

// workerKilled is what the supervisor says then.
const workerKilled = "the process that runs the HSM's library ended unexpectedly: killed by SIGKILL"

// runUnder runs a command line under another program, and waits for every
// process that it started.
func (s *stage) runUnder(t testing.TB, under []string, line string, env ...string) ending {
	t.Helper()
	cmd := s.command(under, line, env...)
	stdout, stderr := mustDo(os.CreateTemp(t.TempDir(), ""))(t), mustDo(os.CreateTemp(t.TempDir(), ""))(t)
	defer stdout.Close()
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if under != nil {
		defer alone(t, cmd)()
	}
	err := runToTheLast(t, cmd)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return endingOf(cmd.ProcessState, mustDo(os.ReadFile(stdout.Name()))(t), mustDo(os.ReadFile(stderr.Name()))(t))
}

func endingOf(state *os.ProcessState, stdout, stderr []byte) ending {
	out := ending{text: string(stdout) + string(stderr), errors: matching(string(stderr), "byok-offline: error: ")}
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		out.killed = status.Signal() == syscall.SIGKILL
	} else {
		out.status = exitcode.Code(status.ExitStatus())
		out.killed = strings.Contains(out.text, workerKilled)
	}
	return out
}

// alone has cmd run the program as a worker without a supervisor, so that what
// it runs under sees one process.
func alone(t testing.TB, cmd *exec.Cmd) (release func()) {
	t.Helper()
	null := mustDo(os.OpenFile(os.DevNull, os.O_RDWR, 0))(t)
	cmd.ExtraFiles = []*os.File{cmd.Stdout.(*os.File), cmd.Stderr.(*os.File), null, null}
	cmd.Env = append(confine.Environment(cmd.Env), supervisor.Variable+"=inside", "GOTRACEBACK=none")
	return func() { _ = null.Close() }
}

// lastDescriptor is one that every process of a run inherits.
const lastDescriptor = 7

// runToTheLast runs cmd and waits until its descendants have ended as well: a
// second process outlives a program that was killed for a moment. Each of them
// holds the pipe.
func runToTheLast(t testing.TB, cmd *exec.Cmd) error {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for len(cmd.ExtraFiles) < lastDescriptor-3 {
		cmd.ExtraFiles = append(cmd.ExtraFiles, nil)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, w)
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return err
	}
	err = cmd.Wait()
	_, _ = io.Copy(io.Discard, r)
	return err
}

func matching(text, prefix string) (lines []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, line)
		}
	}
	return lines
}

// withFolders names cards of a stage on a command line; prefix is "" or "new-".
func withFolders(prefix string, cards ...string) (flags string) {
	for _, c := range cards {
		flags += " --" + prefix + "card " + c + " --" + prefix + "card-pin-file secrets/" + c
	}
	return flags
}
