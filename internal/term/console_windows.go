package term

import (
	"io"
	"os"
	"time"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"

	"golang.org/x/sys/windows"

	"byok/internal/secret"
)

// noTerminal says why no one can be asked.
const noTerminal = "there is no console and standard input is not one"

// openTerminal opens the console of this process, for reading and for writing,
// wherever its streams lead.
func openTerminal() (in, out *os.File, err error) {
	if in, err = os.OpenFile("CONIN$", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	if out, err = os.OpenFile("CONOUT$", os.O_RDWR, 0); err != nil {
		_ = in.Close()
		return nil, nil, err
	}
	return in, out, nil
}

// settings are the input modes of a console as it was found.
type settings struct{ input uint32 }

func settingsOf(fd int) (settings, error) {
	var s settings
	err := windows.GetConsoleMode(windows.Handle(fd), &s.input)
	return s, err
}

// apply sets a console that was found so for a question.
func (s settings) apply(fd int, m mode) error {
	set := s.input | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT | windows.ENABLE_ECHO_INPUT
	set &^= windows.ENABLE_VIRTUAL_TERMINAL_INPUT
	if m != asking {
		set &^= windows.ENABLE_ECHO_INPUT
	}
	return windows.SetConsoleMode(windows.Handle(fd), set)
}

// restore fails only if the console is gone.
func (s settings) restore(fd int) { _ = windows.SetConsoleMode(windows.Handle(fd), s.input) }

// discardInput drops what was typed and not read yet.
func discardInput(fd int) { _ = windows.FlushConsoleInputBuffer(windows.Handle(fd)) }

// ctrlZ at the start of a line ends the input, as Ctrl-D does elsewhere.
const ctrlZ = 0x1a

// readLine reads one line straight into locked memory: os.File.Read would keep it
// in buffers of its own. The line comes as UTF-16, and is left as UTF-8.
func readLine(in *os.File, line []byte) ([]byte, error) {
	typed := secret.New(maxLine * int(unsafe.Sizeof(uint16(0))))
	defer typed.Wipe()
	units := unsafe.Slice((*uint16)(unsafe.Pointer(unsafe.SliceData(typed.Reveal()))), maxLine)
	var n uint32
	if err := windows.ReadConsole(windows.Handle(in.Fd()), &units[0], maxLine, &n, nil); err != nil {
		return nil, err
	}
	if n == 0 { // Ctrl-C, whose signal is under way
		time.Sleep(time.Second)
	}
	if n == 0 || units[0] == ctrlZ {
		return nil, io.EOF
	}
	return toUTF8(line, units[:n]), nil
}

// toUTF8 writes what units spell to line, or as much of it as there is room for,
// with a line end.
func toUTF8(line []byte, units []uint16) []byte {
	size := 0
	for i := 0; i < len(units); i++ {
		if size+utf8.UTFMax >= len(line) {
			line[size] = '\n'
			return line[:size+1]
		}
		r := rune(units[i])
		if utf16.IsSurrogate(r) && i+1 < len(units) {
			i++
			r = utf16.DecodeRune(r, rune(units[i]))
		}
		size += utf8.EncodeRune(line[size:], r)
	}
	return line[:size]
}

// servesUs takes this system's word for it.
func servesUs(int) bool { return true }

// canClear reports whether the console takes control sequences.
func canClear() bool {
	out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer out.Close()
	return takesSequences(out)
}

// takesSequences has a console act on control sequences, if it can (from Windows
// 10 on). The shell sets its own mode again.
func takesSequences(out *os.File) bool {
	var mode uint32
	console := windows.Handle(out.Fd())
	if err := windows.GetConsoleMode(console, &mode); err != nil {
		return false
	}
	return windows.SetConsoleMode(console, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// kind names the terminal in a message.
func kind() string { return "this console" }
