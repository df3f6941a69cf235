//go:build amd64 || arm64

package confine

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	_ "runtime/cgo" // so that the tests, as the program does, run on a C library
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
	"byok/internal/version"
)

// childRestarted says in which environment Restart leaves a program, with
// which arguments, and whether freed memory is wiped.
func childRestarted() report {
	if err := Restart(); err != nil {
		return reportOf(Status{}, err)
	}
	r := reportOf(Status{[]Row{wiped()}}, Restart()) // a second one returns
	r.Texts = append(os.Environ(), os.Args[1:]...)
	return r
}

func TestRestart(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), command(t, "restarted").Path, "first", "second word")
	cmd.Env = []string{
		childVariable + "=restarted", "HOME=/home/alice", "LD_LIBRARY_PATH=/tmp", "LC_TIME=C",
		"GLIBC_TUNABLES=glibc.malloc.check=3", "GODEBUG=x509sha1=1",
		"SOFTHSM2_CONF=/etc/softhsm2.conf", "SOFTHSM2_CONFIG=no", "HOMEPAGE=no", "no variable",
	}
	r := run(t, cmd)
	want := []string{
		childVariable + "=restarted", "HOME=/home/alice", "LC_TIME=C", "SOFTHSM2_CONF=/etc/softhsm2.conf", tunables,
		"first", "second word",
	}
	if r.Error != "" || !slices.Equal(r.Texts, want) {
		t.Errorf("%s\n got %q\nwant %q", r.Error, r.Texts, want)
	}
	if row := (Row{"freed memory wiped", true, "by the C library"}); !slices.Equal(r.Rows, []Row{row}) {
		t.Errorf("%+v; under another C library than glibc this fails", r.Rows)
	}
}

// childRestartDenied is in a sandbox that forbids to start programs.
func childRestartDenied() report {
	err := install([]unix.SockFilter{
		load(offsetNumber),
		skip(unix.BPF_JEQ, unix.SYS_EXECVE, 0, 1),
		answer(unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)),
		answer(allow),
	})
	if err != nil {
		return reportOf(Status{}, err)
	}
	return reportOf(Status{}, Restart())
}

func TestRestartFails(t *testing.T) {
	r := run(t, command(t, "restart denied"))
	if r.Error != "the program could not be started again with the listed environment: permission denied" ||
		r.Hint != "mount /proc, and let this user run the program's file" || r.Code != exitcode.Failed {
		t.Errorf("%+v", r)
	}
}

// childStartsItself is confined and starts its own program, which is confined
// again and answers through a pipe.
func childStartsItself() report {
	if err := Apply(false); err != nil {
		return reportOf(Status{}, err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childVariable+"=echo")
	cmd.Stdin = io.LimitReader(strings.NewReader("through a pipe, and no further"), 14)
	out, err := cmd.Output()
	r := report{Error: "the child gave no answer"}
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		return reportOf(Status{}, err)
	}
	return r
}

func childEcho() report {
	text, err := io.ReadAll(os.Stdin)
	if err == nil {
		err = Apply(false)
	}
	r := reportOf(Status{}, err)
	r.Texts = []string{string(text)}
	return r
}

// TestStartsItselfAgain does it as this user and, run by root, as another one,
// to whom the kernel opens less of /proc.
func TestStartsItselfAgain(t *testing.T) {
	users := map[string]*syscall.SysProcAttr{"this user": nil}
	if os.Geteuid() == 0 {
		users["nobody"] = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	for name, user := range users {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, "starts itself")
			cmd.Path, cmd.SysProcAttr, cmd.Dir = "/proc/self/exe", user, "/"
			r := run(t, cmd)
			if r.Error != "" || !slices.Equal(r.Texts, []string{"through a pipe"}) {
				t.Errorf("%s: %q", r.Error, r.Texts)
			}
		})
	}
}

func TestWiped(t *testing.T) {
	row := run(t, command(t, "unconfined", tunables)).row("freed memory wiped")
	if want := (Row{"freed memory wiped", true, "by the C library"}); row != want {
		t.Errorf("%+v", row)
	}
	row = run(t, command(t, "unconfined", tunables+":glibc.malloc.perturb=0")).row("freed memory wiped")
	want := Row{"freed memory wiped", false, "the program was started without " + tunables}
	if row != want {
		t.Errorf("%+v", row)
	}
}

func TestGlibcLoader(t *testing.T) {
	const at = "7f0000000000-7f0000001000 r--p 00000000 fe:01 42 "
	const usual = "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
	for _, test := range []struct{ name, maps, want string }{
		{"glibc", at + "/usr/bin/true\n" + at + "\n" + at + usual + "\n", usual},
		{"glibc in a folder with a blank", at + "/opt/my libs/ld-linux-aarch64.so.1\n", "/opt/my libs/ld-linux-aarch64.so.1"},
		{"musl", at + "/lib/ld-musl-x86_64.so.1\n", ""},
		{"static", at + "/usr/bin/true\n" + at + "[heap]\n", ""},
		{"a folder named so", at + "/opt/ld-linux/true\n", ""},
	} {
		if got := glibcLoader(test.maps); got != test.want {
			t.Errorf("%s: got %q", test.name, got)
		}
	}
}

func TestTunablesOfNoLoader(t *testing.T) {
	if list, err := listTunables("/bin/false"); err == nil || err.Error() != "exit status 1" {
		t.Errorf("%q, %v", list, err)
	}
}

func TestBuildRows(t *testing.T) {
	built := version.Build{
		Release: "1.2.3", Commit: "0705c3d0fb52aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		Tags: version.Tags(), Experiments: []string{version.Experiment},
	}
	want := []Row{{"built as released", true, "1.2.3+0705c3d0fb52"}}
	if got := buildRows(built); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	built.Tags = built.Tags[1:]
	want = []Row{{"built as released", false, "without tag netgo; build it with make build"}}
	if got := buildRows(built); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}
