package term

import (
	"os"

	"golang.org/x/sys/unix"
)

// hideInput turns the echo off. golang.org/x/term can do so only while it
// reads, through slices that stay behind in the Go heap.
func hideInput(fd int) error {
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Lflag &^= unix.ECHO
	settings.Lflag |= unix.ICANON | unix.ISIG
	settings.Iflag |= unix.ICRNL
	return unix.IoctlSetTermios(fd, unix.TCSETS, settings)
}

// readHidden reads one line straight into locked memory.
func readHidden(in *os.File, line []byte) (int, error) { return in.Read(line) }
