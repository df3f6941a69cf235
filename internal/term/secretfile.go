package term

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// maxSecret is the longest PIN or passphrase taken, in bytes.
const maxSecret = 1024

// SecretFile reads a PIN or passphrase from the only line of a file, for
// unattended use. Its line end (LF or CRLF) is not part of the secret. A file
// that is missing, empty, of several lines or over 1 KiB is a Usage error; one
// that others than its owner have any access to is Refused. No error quotes
// the content.
func SecretFile(path string) (*secret.Bytes, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", path, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", path, cause(err))
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		err := exitcode.Errorf(exitcode.Refused, "%s: others have access to it (mode %04o)", path, mode)
		return nil, exitcode.Hint(err, "chmod 600 %s", path)
	}
	content := secret.New(maxSecret + len("\r\n") + 1)
	defer content.Wipe()
	n, err := io.ReadFull(f, content.Reveal())
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", path, cause(err))
	}
	return takeSecret(path, content.Reveal()[:n])
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
	}
	return secret.Take(line), nil
}

// cause leaves out the path and operation, which our message names already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
