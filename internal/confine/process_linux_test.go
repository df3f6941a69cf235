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

	"byok/internal/version"
)

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
