package supervisor

import (
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"byok/internal/exitcode"
)

// supervise starts the worker and returns when it has ended.
func supervise([]string) (*worker, error) { return attend() }

// leftovers is how long what lies in a pipe of an ended process may take to be
// read.
const leftovers = 2 * time.Second

// rest returns what was printed by a worker that has ended. Pipes have no deadlines
// here: where what the worker has started holds this one, nothing of it is known.
func rest(_, _ *os.File, kept <-chan string) string {
	select {
	case printed := <-kept:
		return printed
	case <-time.After(leftovers):
		return ""
	}
}

// nextStep is the hint for a library that ended its process, or never returned.
func nextStep([]string) string { return again }

// What to do if the system lacks room for another process, and if it does not start.
const (
	roomHint  = "close other programs, then run the same command again"
	startHint = "let this user run the program's file"
)

// launch starts the process.
func (w *worker) launch() (reports, printed *os.File, err error) {
	p, err := pipes()
	if err != nil {
		return nil, nil, err
	}
	reporting, printing, interrupts := p[0], p[1], p[2]
	w.process, err = start(printing.to, [handles]*os.File{
		outputHandle:    os.Stdout,
		errorsHandle:    os.Stderr,
		reportHandle:    reporting.to,
		interruptHandle: interrupts.from,
	})
	for _, f := range []*os.File{printing.to, reporting.to, interrupts.from} {
		_ = f.Close()
	}
	if err != nil {
		return nil, nil, unstarted(err)
	}
	w.interrupts = interrupts.to
	return reporting.from, printing.from, nil
}

// start starts this program again, as a worker that ends with this process.
func start(printing *os.File, files [handles]*os.File) (*os.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var open [handles]windows.Handle
	var passed []syscall.Handle
	for i, f := range files {
		if open[i], err = inheritable(f); err != nil {
			return nil, err
		}
		defer windows.CloseHandle(open[i])
		passed = append(passed, syscall.Handle(open[i]))
	}
	process, err := os.StartProcess(self, os.Args, &os.ProcAttr{
		Env:   workerEnvironment(open),
		Files: []*os.File{os.Stdin, printing, printing},
		Sys:   &syscall.SysProcAttr{AdditionalInheritedHandles: passed},
	})
	if err != nil {
		return nil, err
	}
	if err := bind(process); err != nil {
		_ = process.Kill()
		return nil, err
	}
	return process, nil
}

// inheritable is a second handle of a file, which a process that is given it inherits.
func inheritable(f *os.File) (second windows.Handle, err error) {
	this := windows.CurrentProcess()
	err = windows.DuplicateHandle(this, windows.Handle(f.Fd()), this, &second, 0, true, windows.DUPLICATE_SAME_ACCESS)
	return second, os.NewSyscallError("DuplicateHandle", err)
}

// bind has the system end a process with this one, by a job whose only handle this
// process keeps. What the process starts is not of the job: the second process of a
// probe clears up after it.
func bind(process *os.Process) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return os.NewSyscallError("CreateJobObject", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags =
		windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | windows.JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		return os.NewSyscallError("SetInformationJobObject", err)
	}
	if gone := process.WithHandle(func(handle uintptr) {
		err = windows.AssignProcessToJobObject(job, windows.Handle(handle))
	}); gone != nil {
		return gone
	}
	return os.NewSyscallError("AssignProcessToJobObject", err)
}

// wait waits for the end of the worker.
func (w *worker) wait() error {
	state, err := w.process.Wait()
	if err == nil {
		w.ending = endingOf(uint32(state.ExitCode()), w.interrupted.Load())
	}
	return exitcode.Mark(exitcode.Failed, err)
}

// firstException is the least of the numbers that Windows gives to errors, with which
// an exception ends a process (NTSTATUS).
const firstException = 0xC0000000

// endingOf reads the status of a process. One that ends at once for a person's sake,
// and one that kill ends, has the status for it.
func endingOf(status uint32, interrupted bool) ending {
	if status >= firstException {
		return ending{signal: fmt.Sprintf("exception 0x%X", status)}
	}
	return ending{status: int(status), killed: interrupted && status == uint32(exitcode.Interrupted)}
}

func (w *worker) kill() {
	_ = w.process.WithHandle(func(handle uintptr) {
		_ = windows.TerminateProcess(windows.Handle(handle), uint32(exitcode.Interrupted))
	})
}
