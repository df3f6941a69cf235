package term

import (
	"bytes"
	"io"
	"os"

	"byok/internal/access"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// maxSecret is the longest PIN or passphrase taken, in bytes.
const maxSecret = 1024

// SecretFile reads a PIN or passphrase from the only line of a file, for
// unattended use. Its line end (LF or CRLF) is not part of the secret. A file
// that is missing, empty, of several lines or over 1 KiB, or that holds what
// no PIN has (a byte-order mark, a blank at either end, a control character),
// is a Usage error; one that others than its owner have any access to is
// Refused. No error quotes the content.
func SecretFile(path string) (*secret.Bytes, error) {
	f, err := durable.Open(path)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	defer f.Close()
	if err := private(f); err != nil {
		return nil, err
	}
	content := secret.New(maxSecret + len("\r\n") + 1)
	defer content.Wipe()
	n, err := io.ReadFull(f, content.Reveal())
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", path, durable.Cause(err))
	}
	line := content.Reveal()[:n]
	if what := foreign(line); what != "" {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %s", path, what).
			Hint("save the file again as plain text, with the secret alone on its line")
	}
	return takeSecret(path, line)
}

// private refuses a file that others may read or change.
func private(f *os.File) error {
	who, err := access.Others(f, access.Any)
	if err != nil {
		return exitcode.Errorf(exitcode.Usage, "%s: %w", f.Name(), durable.Cause(err))
	}
	if who == "" {
		return nil
	}
	return exitcode.Errorf(exitcode.Refused, "%s: others have access to it (%s)", f.Name(), who).
		Hint("%s", access.Cure(f))
}

// foreign names what an editor or a redirection left in a file besides a secret.
func foreign(line []byte) string {
	for _, mark := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		if bytes.HasPrefix(line, []byte(mark)) {
			return "begins with a byte-order mark"
		}
	}
	if strictjson.CheckEncoding(line) != nil {
		return "is in UTF-16"
	}
	line = bytes.TrimRight(line, "\r\n")
	if len(bytes.Trim(line, " \t")) != len(line) {
		return "begins or ends with a blank"
	}
	return ""
}

// takeSecret moves one line, with or without its end, into a secret of its
// own. from names the file or prompt in the error.
func takeSecret(from string, line []byte) (*secret.Bytes, error) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	switch {
	case len(line) == 0:
		return nil, exitcode.Errorf(exitcode.Usage, "%s: empty", from)
	case bytes.IndexByte(line, '\n') >= 0:
		return nil, exitcode.Errorf(exitcode.Usage, "%s: more than one line", from)
	case len(line) > maxSecret:
		return nil, exitcode.Errorf(exitcode.Usage, "%s: over %d bytes", from, maxSecret)
	case bytes.ContainsFunc(line, isControl):
		return nil, exitcode.Errorf(exitcode.Usage, "%s: contains a control character, such as an arrow key's", from)
	}
	return secret.Take(line), nil
}

// isControl reports whether a key other than a letter's typed it, such as an
// arrow key, whose sequence begins with one.
func isControl(r rune) bool { return r < ' ' || r == 0x7f }
