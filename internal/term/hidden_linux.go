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

// keepOutput has Ctrl-C throw away nothing that is written after it, until
// release: the kernel would otherwise drop output that is under way, such as
// what clears a secret from the screen. What was typed is dropped by discardInput.
func keepOutput(fd int) (release func()) {
	return changed(fd, func(settings *unix.Termios) { settings.Lflag |= unix.NOFLSH })
}

// holdScreen is keepOutput while a secret is on the screen, where Ctrl-Z would
// leave it.
func holdScreen(fd int) (release func()) {
	return changed(fd, func(settings *unix.Termios) {
		settings.Lflag |= unix.NOFLSH
		settings.Cc[unix.VSUSP] = 0 // _POSIX_VDISABLE
	})
}

// changed changes a terminal's settings until release.
func changed(fd int, change func(*unix.Termios)) (release func()) {
	settings, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	before := *settings
	change(settings)
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
