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

// holdScreen keeps a secret from staying on the screen, until release: Ctrl-Z
// would leave it there, and Ctrl-C has the kernel throw away output, which
// could be what clears it.
func holdScreen(fd int) (release func()) {
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	before := *settings
	settings.Cc[unix.VSUSP] = 0 // _POSIX_VDISABLE
	settings.Lflag |= unix.NOFLSH
	_ = unix.IoctlSetTermios(fd, unix.TCSETS, settings)
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, &before) }
}

// discardInput drops what was typed and not read yet.
func discardInput(fd int) { _ = unix.IoctlSetInt(fd, unix.TCFLSH, unix.TCIFLUSH) }

// readHidden reads one line straight into locked memory.
func readHidden(in *os.File, line []byte) ([]byte, error) {
	n, err := in.Read(line)
	return line[:n], err
}
