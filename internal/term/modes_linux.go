package term

import (
	"os"

	"golang.org/x/sys/unix"
)

// settings are those of a terminal as it was found.
type settings struct{ unix.Termios }

func settingsOf(fd int) (settings, error) {
	found, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return settings{}, err
	}
	return settings{*found}, nil
}

// apply sets a terminal that was found so for a question. golang.org/x/term can
// turn the echo off only while it reads, through slices that stay behind in the
// Go heap.
//
// Ctrl-C throws away nothing that is written after it: the kernel would
// otherwise drop output that is under way, such as what clears a secret from
// the screen. What was typed is dropped by discardInput.
func (s settings) apply(fd int, m mode) error {
	set := s.Termios
	set.Lflag |= unix.NOFLSH | unix.ICANON | unix.ISIG
	set.Iflag |= unix.ICRNL
	if m != asking {
		set.Lflag &^= unix.ECHO
	}
	if m == showing { // Ctrl-Z would leave the secret on the screen for as long as the program takes to clear it
		set.Cc[unix.VSUSP] = 0 // _POSIX_VDISABLE
	}
	return unix.IoctlSetTermios(fd, unix.TCSETS, &set)
}

// restore fails only if the terminal is gone.
func (s settings) restore(fd int) { _ = unix.IoctlSetTermios(fd, unix.TCSETS, &s.Termios) }

// discardInput drops what was typed and not read yet.
func discardInput(fd int) { _ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) }

// readLine reads one line straight into locked memory.
func readLine(in *os.File, line []byte) ([]byte, error) {
	n, err := in.Read(line)
	return line[:n], err
}

// servesUs reports whether the terminal serves this process's job.
func servesUs(fd int) bool {
	job, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
	return err == nil && job == unix.Getpgrp()
}
