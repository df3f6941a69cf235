package shared_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

const (
	// detached is set where the tests have no terminal but the one that each of them
	// makes: /dev/tty would be the developer's.
	detached = "SHARED_TEST_DETACHED"
	// again is set where ceremony run starts this test program as itself, a second
	// time.
	again = "SHARED_TEST_AGAIN"
)

// TestMain runs the tests in a session of their own.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(again) != "":
		os.Exit(itself(os.Args[1:]))
	case os.Getenv(detached) != "":
		m.Run()
		return
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), detached+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(cmd.ProcessState.ExitCode())
}

// itself is the program that ceremony run starts. No person types the initials here.
func itself(args []string) int {
	if strings.Join(args[:2], " ") == "ceremony attest" {
		args = append(args, "--initials", "W.")
	}
	p, _ := program(os.Stdin, os.Stdout, os.Stderr)
	return p.Main(context.Background(), args)
}
