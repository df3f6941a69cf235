package durable

import (
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/windows"
)

// device is the shape of a name that means a device in whatever folder: the DOS
// devices of Microsoft's "Naming Files, Paths, and Namespaces".
var device = regexp.MustCompile(`(?i)^(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])([.: ]|$)`)

// nameable refuses a name that Windows gives another meaning to, or changes, before
// something else than the file of that name is made.
func nameable(path string) error {
	name := filepath.Base(path)
	switch {
	case strings.ContainsAny(name, `<>:"|?*`) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }):
		return unfit(`a name on Windows has none of <>:"|?* in it, and no control character`)
	case device.MatchString(name):
		return unfit("Windows keeps this name for a device")
	case name != "." && name != ".." && strings.TrimRight(name, ". ") != name:
		return unfit("Windows would drop the full stop or blank that the name ends with")
	case !utf8.ValidString(name):
		return unfit("the name is not valid UTF-8")
	}
	return nil
}

// errno is an error of Windows in our form: its own messages are sentences.
type errno struct{ windows.Errno }

func (e errno) Error() string {
	text := strings.TrimRight(e.Errno.Error(), ". \r\n")
	if first, size := utf8.DecodeRuneInString(text); size > 0 && !strings.HasPrefix(text, "I/O") {
		text = strings.ToLower(string(first)) + text[size:]
	}
	return text
}

func (e errno) Unwrap() error { return e.Errno }

// plainly puts an error of Windows into our form.
func plainly(err error) error {
	if number, ok := err.(windows.Errno); ok {
		return errno{number}
	}
	return err
}
