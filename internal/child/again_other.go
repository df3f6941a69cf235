//go:build !linux

package child

import (
	"errors"
	"os"
	"os/exec"
)

// Again runs this program with other arguments and returns the exit status. The
// child has this process's streams; with messages, what it would write to standard
// output goes to standard error.
func Again(args []string, messages bool) (status int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	c := exec.Command(self, args...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, output(messages), os.Stderr
	err = c.Run()
	if exit, ended := errors.AsType[*exec.ExitError](err); ended {
		return exit.ExitCode(), nil
	}
	return 0, err
}
