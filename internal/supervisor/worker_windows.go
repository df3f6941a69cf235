package supervisor

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/windows"

	"byok/internal/confine"
)

// What a worker's [Variable] lists in hexadecimal, with commas: the handles that it
// finds open, beside its standard ones.
const (
	outputHandle    = iota // the program's standard output
	errorsHandle           // the program's standard error
	reportHandle           // takes lines of [report]
	interruptHandle        // gives the numbers of signals, a byte each
	handles
)

// workerEnvironment is the listed environment with what makes a worker.
func workerEnvironment(open [handles]windows.Handle) []string {
	listed := slices.DeleteFunc(confine.Environment(os.Environ()), func(v string) bool {
		return strings.HasPrefix(strings.ToUpper(v), Variable+"=")
	})
	numbers := make([]string, len(open))
	for i, h := range open {
		numbers[i] = fmt.Sprintf("%x", uintptr(h))
	}
	return append(listed, Variable+"="+strings.Join(numbers, ","), "GOTRACEBACK=none")
}

// inherited are the handles that a worker's variable lists. They are not ok unless
// all of them are open.
func inherited() (open [handles]windows.Handle, ok bool) {
	numbers := strings.Split(os.Getenv(Variable), ",")
	if len(numbers) != len(open) {
		return open, false
	}
	for i, text := range numbers {
		number, err := strconv.ParseUint(text, 16, strconv.IntSize)
		if err != nil {
			return open, false
		}
		open[i] = windows.Handle(number)
		if _, err := windows.GetFileType(open[i]); err != nil {
			return open, false
		}
	}
	return open, true
}

// IsWorker reports whether this process is a worker: it has a worker's variable, and
// the handles are open.
func IsWorker() bool {
	_, ok := inherited()
	return ok
}

// work runs the program as the worker, and returns its exit status.
func work(program New, args []string) int {
	open, _ := inherited()
	var files [handles]*os.File
	for i, name := range []string{"/dev/stdout", "/dev/stderr", "reports", "interrupts"} {
		// What it starts has no part in them.
		_ = windows.SetHandleInformation(open[i], windows.HANDLE_FLAG_INHERIT, 0)
		files[i] = os.NewFile(uintptr(open[i]), name)
	}
	p := program(os.Stdin, files[outputHandle], files[errorsHandle])
	status := run(p, args, files[reportHandle], files[interruptHandle])
	send(files[reportHandle], report{Status: &status})
	return status
}
