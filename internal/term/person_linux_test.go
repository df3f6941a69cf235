package term

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// terminalOf says which terminal a job gets.
type terminalOf int

const (
	controlling terminalOf = iota // /dev/tty; standard streams are elsewhere
	standard                      // standard input and error; no /dev/tty
	none                          // standard input is a pipe with an answer in it
)

// person sits before a job's terminal.
type person struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	pipe   *os.File // to the job's standard input, unless that is the terminal
	out    bytes.Buffer
	read   chan struct{} // closed when the screen is complete

	mu     sync.Mutex
	screen bytes.Buffer
	more   *sync.Cond
}

// start starts a job on a terminal that does not say how wide it is, or has
// that many columns.
func start(t *testing.T, job string, where terminalOf, columns ...uint16) *person {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
	}
	for _, n := range columns {
		if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: n}); err != nil {
			t.Fatal(err)
		}
	}
	defer slave.Close()
	t.Cleanup(func() { master.Close() })
	p := &person{t: t, master: master, cmd: exec.Command(os.Args[0]), read: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	p.cmd.Env = append(os.Environ(), jobVariable+"="+job, "GORACE=atexit_sleep_ms=0")
	stdin, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	t.Cleanup(func() { pipe.Close() })
	p.cmd.Stdin, p.pipe = stdin, pipe
	p.cmd.Stdout = &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	switch where {
	case controlling:
		p.cmd.ExtraFiles = []*os.File{slave}
		p.cmd.SysProcAttr.Setctty, p.cmd.SysProcAttr.Ctty = true, 3
	case standard:
		p.cmd.Stdin, p.cmd.Stderr = slave, slave
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if where == none {
		p.reads("from the pipe")
	}
	go p.watch()
	return p
}

// reads gives the job a line on its standard input.
func (p *person) reads(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.pipe, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// watch collects the screen until the job has let go of its terminal.
func (p *person) watch() {
	defer close(p.read)
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		p.screen.Write(buf[:n])
		p.more.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// sees waits until text has been on the screen so many times.
func (p *person) sees(text string, times int) {
	p.t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for strings.Count(p.screen.String(), text) < times {
		select {
		case <-p.read:
			p.t.Fatalf("the screen shows %q, want %q", p.screen.String(), text)
		default:
			p.more.Wait()
		}
	}
}

func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, keys); err != nil {
		p.t.Fatal(err)
	}
}

// echo reports whether the terminal shows what is typed.
func (p *person) echo() bool {
	p.t.Helper()
	return p.settings().Lflag&unix.ECHO != 0
}

func (p *person) settings() *unix.Termios {
	p.t.Helper()
	settings, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return settings
}

// ends waits for the job and compares what it returned and all that was shown.
func (p *person) ends(result, screen string) {
	p.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	<-p.read
	if got := strings.TrimSuffix(p.out.String(), "\n"); got != result {
		p.t.Errorf("returned %q, want %q", got, result)
	}
	if got := strings.ReplaceAll(p.screen.String(), "\r\n", "\n"); got != screen {
		p.t.Errorf("the screen shows\n%q, want\n%q", got, screen)
	}
}
