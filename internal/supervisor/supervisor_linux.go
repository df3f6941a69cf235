//go:build amd64 || arm64

package supervisor

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"byok/internal/child"
	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/interrupt"
	"byok/internal/term"
)

// Main runs the program and returns its exit status: in the first process as
// the supervisor, in the one that it starts as the worker. Call it in main,
// with the arguments behind the program's name.
func Main(program New, args []string) int {
	if IsWorker() {
		return work(program, args)
	}
	p := program(os.Stdin, os.Stdout, os.Stderr)
	for _, name := range confine.Dropped(os.Environ()) {
		p.Console.Warning("%s is not passed on: this program and the HSM's library run without it", name)
	}
	w, err := supervise(args)
	if err != nil {
		return p.Abandon(command.Unrun(args), err)
	}
	return w.end(p, args)
}

// worker is the worker as its supervisor sees it.
type worker struct {
	pid         int
	state       syscall.WaitStatus
	interrupts  *os.File
	rescue      func() // puts the terminal in order
	interrupted atomic.Bool

	running *command.Running
	status  *int   // with which it said it would exit
	printed string // what its library printed
}

// supervise starts the worker and returns when it has ended.
//
// The supervisor takes the filter as well, and is not dumpable: where a kernel
// has no Landlock, a library that reaches this process gains nothing by it.
func supervise(args []string) (*worker, error) {
	if err := confine.Apply(wantsNetwork(args)); err != nil {
		return nil, err
	}
	runtime.LockOSThread() // the worker dies with the thread that started it
	defer runtime.UnlockOSThread()
	signals := make(chan os.Signal, 8)
	interrupt.Notify(signals)
	// Of SIGTSTP the worker is the first to stop: see wait. A reader of our
	// output that has gone must not keep the end of a step out of the log.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTSTP, syscall.SIGPIPE)
	w := &worker{rescue: term.Snapshot()}
	reports, printed, err := w.launch()
	if err != nil {
		return nil, err
	}
	read, kept := make(chan struct{}), make(chan struct{})
	go func() { w.listen(reports); close(read) }()
	go func() { w.printed = keep(printed); close(kept) }()
	go w.relay(signals)
	err = w.wait()
	// What the worker has started may hold the pipes for longer.
	for _, pipe := range []*os.File{reports, printed} {
		_ = pipe.SetReadDeadline(time.Now().Add(leftovers))
	}
	<-read
	<-kept
	return w, err
}

// leftovers is how long what lies in a pipe of an ended process may take to be
// read.
const leftovers = 100 * time.Millisecond

// wantsNetwork reports whether the arguments lift the rule about sockets. The
// worker, which parses them, decides; this is for the domain alone.
func wantsNetwork(args []string) bool {
	for _, a := range args {
		if strings.HasPrefix(strings.TrimLeft(a, "-"), "hsm-network") {
			return true
		}
	}
	return false
}

// pipe is one way between supervisor and worker.
type pipe struct{ from, to *os.File }

func pipes() (all [3]pipe, err error) {
	for i := range all {
		if all[i].from, all[i].to, err = os.Pipe(); err != nil {
			return all, exitcode.Errorf(exitcode.Failed, "the program could not be started again: %w", err).
				Hint("ulimit -n 1024")
		}
	}
	return all, nil
}

// launch starts the process.
func (w *worker) launch() (reports, printed *os.File, err error) {
	p, err := pipes()
	if err != nil {
		return nil, nil, err
	}
	reporting, printing, interrupts := p[0], p[1], p[2]
	process, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env: workerEnvironment(outside),
		Files: []*os.File{
			os.Stdin, printing.to, printing.to, os.Stdout, os.Stderr, reporting.to, interrupts.from,
		},
		Sys: &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL},
	})
	for _, f := range []*os.File{printing.to, reporting.to, interrupts.from} {
		_ = f.Close()
	}
	if err != nil {
		return nil, nil, unstarted(err)
	}
	w.pid, w.interrupts = process.Pid, interrupts.to
	return reporting.from, printing.from, nil
}

func unstarted(err error) error {
	return exitcode.Errorf(exitcode.Failed, "the program could not be started again with the listed environment: %w", err).
		Hint("mount /proc, and let this user run the program's file")
}

// wait waits for the end of the worker. A worker that SIGSTOP has stopped could not
// put the terminal in order.
func (w *worker) wait() (err error) {
	w.state, err = child.Wait(w.pid, w.rescue)
	return exitcode.Mark(exitcode.Failed, err)
}

// relay passes signals on. The third one ends a worker that is past listening.
func (w *worker) relay(signals <-chan os.Signal) {
	for n := 1; ; n++ {
		s, _ := (<-signals).(syscall.Signal)
		w.interrupted.Store(true)
		_, _ = w.interrupts.Write([]byte{byte(s)})
		if n > 2 {
			_ = unix.Kill(w.pid, unix.SIGKILL)
		}
	}
}

// longestReport is more than a report of any command has, in bytes.
const longestReport = 1 << 20

// listen takes the worker's reports, to the end, and passes over what is none.
func (w *worker) listen(r io.Reader) {
	for lines := bufio.NewReaderSize(r, longestReport); ; {
		line, err := lines.ReadSlice('\n')
		var said report
		if json.Unmarshal(line, &said) == nil {
			if said.Running != nil {
				w.running = said.Running
			}
			if said.Status != nil {
				w.status = said.Status
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// keep reads to the end, and keeps the beginning.
func keep(r io.Reader) string {
	const enough = 1 << 16
	kept, err := io.ReadAll(io.LimitReader(r, enough))
	if err == nil {
		_, _ = io.Copy(io.Discard, r)
	}
	return string(kept)
}
