//go:build windows || (linux && (amd64 || arm64))

package supervisor

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"

	"byok/internal/command"
	"byok/internal/confine"
	"byok/internal/exitcode"
	"byok/internal/interrupt"
	"byok/internal/term"
)

// Variable is in the environment of a worker.
const Variable = "BYOK_WORKER"

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

// run runs a command in the worker, which hears signals by way of interrupts alone.
func run(p *command.Program, args []string, reports, interrupts *os.File) int {
	_ = os.Unsetenv(Variable)
	interrupt.Relay(interrupts)
	p.Process = os.Getppid()
	p.Watch = func(r command.Running) { send(reports, report{Running: &r}) }
	return p.Main(context.Background(), args)
}

// worker is the worker as its supervisor sees it.
type worker struct {
	process     *os.Process
	ending      ending
	interrupts  *os.File
	rescue      func() // puts the terminal in order
	interrupted atomic.Bool

	running *command.Running
	status  *int   // with which it said it would exit
	printed string // what its library printed
}

// attend starts the worker and returns when it has ended.
func attend() (*worker, error) {
	signals := make(chan os.Signal, 8)
	interrupt.Notify(signals)
	w := &worker{rescue: term.Snapshot()}
	reports, printed, err := w.launch()
	if err != nil {
		return nil, err
	}
	read, kept := make(chan struct{}), make(chan string, 1)
	go func() { w.listen(reports); close(read) }()
	go func() { kept <- keep(printed) }()
	go w.relay(signals)
	err = w.wait()
	w.printed = rest(reports, printed, kept)
	<-read
	return w, err
}

// relay passes signals on. The third one ends a worker that is past listening.
func (w *worker) relay(signals <-chan os.Signal) {
	for n := 1; ; n++ {
		s, _ := (<-signals).(syscall.Signal)
		w.interrupted.Store(true)
		_, _ = w.interrupts.Write([]byte{byte(s)})
		if n > 2 {
			w.kill()
		}
	}
}

// pipe is one way between supervisor and worker.
type pipe struct{ from, to *os.File }

func pipes() (all [3]pipe, err error) {
	for i := range all {
		if all[i].from, all[i].to, err = os.Pipe(); err != nil {
			return all, exitcode.Errorf(exitcode.Failed, "the program could not be started again: %w", err).
				Hint("%s", roomHint)
		}
	}
	return all, nil
}

func unstarted(err error) error {
	return exitcode.Errorf(exitcode.Failed, "the program could not be started again with the listed environment: %w", err).
		Hint("%s", startHint)
}
