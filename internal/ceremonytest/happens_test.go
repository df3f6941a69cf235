//go:build linux

package ceremonytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"byok/internal/testkit/softhsm"
)

// What happens at prompts.

func (d *desk) interrupt() { d.types("\x03") }
func (d *desk) endInput()  { d.types("\x04") }
func (d *desk) no()        { d.types("no\r") }

// killed kills the run, and waits until the command that it had started has ended with
// it. An interactive shell then sets the terminal as it likes it; this one does not.
func (d *desk) killed() {
	d.held.t.Helper()
	children := d.children()
	d.kill(d.job(), unix.SIGKILL)
	for end := time.Now().Add(promptPatience); anyExists(children); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			d.held.t.Fatalf("what the run had started goes on without it; the screen is\n%s", d.screen.String())
		}
	}
}

// children are the folders in /proc of the processes that the run has started.
func (d *desk) children() (folders []string) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", d.job()))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, pid := range strings.Fields(string(text)) {
			folders = append(folders, "/proc/"+pid)
		}
	}
	return folders
}

func anyExists(paths []string) bool {
	for _, p := range paths {
		if exists(p) {
			return true
		}
	}
	return false
}

// confined holds the run to what the kernel says of its process: it is behind the
// filter, although it has no supervisor.
func (d *desk) confined() {
	d.held.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.job()))
	must(d.held.t, err)
	for _, line := range []string{"\nSeccomp:\t2\n", "\nNoNewPrivs:\t1\n"} {
		if !strings.Contains(string(status), line) {
			d.held.t.Errorf("of the run there is no %q", line)
		}
	}
	d.types("\r")
}

// suspend is Ctrl-Z, and the shell's fg.
func (d *desk) suspend() {
	d.types("\x1a")
	d.sees("[stopped]\r\n")
	d.types("\n")
}

// second has a second run of the same ceremony do the step at whose prompt the first
// is, which then finds it done.
func (d *desk) second() {
	d.held.t.Helper()
	other := d.held.desk(d.at)
	other.start()
	for {
		shown, _ := other.prompt()
		if strings.Contains(shown, " 5 of 24 ") {
			break
		}
		other.types(other.answer(shown) + "\r")
	}
	other.interrupt()
	other.ends(130)
	d.types("\r")
	shown, _ := d.prompt()
	if !strings.Contains(shown, "step kek:hsm was done in the meantime, by another run") || !strings.Contains(shown, " 5 of 24 ") {
		d.held.t.Errorf("the screen is\n%s", d.screen.String())
	}
	d.types(d.answer(shown) + "\r")
}

func (d *desk) deviates() {
	d.deviated = true
	d.types("deviation\r")
	d.sees("none): ")
	d.types("\r") // none after all
	d.prompt()
	d.types("Deviation\r")
	d.sees("none): ")
	d.types("the HSM was listed <script>before</script>\r")
}

// otherToken runs a step on an HSM that is another one.
func (d *desk) otherToken() {
	d.held.t.Helper()
	d.interrupt()
	d.ends(130)
	conf, err := softhsm.Configure(filepath.Join(d.dir, "other"))
	must(d.held.t, err)
	d.softhsm = conf
	d.start()
	d.softhsm = ""
	for {
		shown, over := d.prompt()
		switch {
		case over:
			d.held.t.Fatalf("the screen is\n%s", d.screen.String())
		case strings.HasSuffix(shown, "or stop:"):
			d.types("stop\r")
			return
		default:
			d.types(d.answer(shown) + "\r")
		}
	}
}

// otherPlan goes on with a plan that was changed in between, which is refused.
func (d *desk) otherPlan() {
	d.held.t.Helper()
	d.interrupt()
	d.ends(130)
	data, err := os.ReadFile(d.file)
	must(d.held.t, err)
	reviewed := d.file
	d.file += ".changed"
	must(d.held.t, os.WriteFile(d.file, append(data, "# a remark\n"...), 0o600))
	d.start()
	d.file = reviewed
}

// mistypes types a passphrase wrong as often as it is asked for.
func (d *desk) mistypes() {
	d.held.t.Helper()
	for {
		d.types("wrong\r")
		shown, _ := d.prompt()
		if strings.HasSuffix(shown, "or stop:") {
			d.types("again\r")
			return
		}
	}
}
