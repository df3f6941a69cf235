package ceremony

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// FileName is the log's name inside kmdata's local folder.
const FileName = "ceremony.jsonl"

const (
	maxLine = 1 << 20   // bytes of an event
	maxLog  = 256 << 20 // bytes of a log
)

// Log is the ceremony log of one kmdata folder.
type Log struct{ path string }

// Open returns the log in dir/local, making the folders (mode 0700) and the
// file (mode 0600) where they are missing. It proves that the log can be
// written before any command does anything.
func Open(dir string) (*Log, error) {
	l := &Log{filepath.Join(dir, "local", FileName)}
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return nil, l.unwritable(err)
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, l.unwritable(err)
	}
	return l, f.Close()
}

func (l *Log) unwritable(err error) error {
	return exitcode.Hint(exitcode.Errorf(exitcode.Failed, "ceremony log %s cannot be written, so nothing was done: %w", l.path, cause(err)),
		"name a folder you may write to with --kmdata")
}

// cause leaves out the path, which the message has already.
func cause(err error) error {
	var inPath *fs.PathError
	if errors.As(err, &inPath) {
		return inPath.Err
	}
	return err
}

// Append puts e at the end of the log, with its number and the hash of what
// comes before, in one synced write, and returns the number. Several programs
// may append at once.
func (l *Log) Append(e Event) (seq int, err error) {
	err = durable.AppendAfter(l.path, 0o600, func([]byte) ([]byte, error) {
		data, err := readLog(l.path)
		if err != nil {
			return nil, err
		}
		lines := split(data)
		e.Seq, e.Previous = len(lines)+1, link(lines)
		return encode(e)
	})
	if err != nil {
		return 0, exitcode.Errorf(exitcode.Failed, "ceremony log: the event could not be recorded: %w", err)
	}
	return e.Seq, nil
}

// encode gives an event's line. A file name need not be UTF-8 but JSON must
// be: such bytes become U+FFFD, which strictjson would rather refuse.
func encode(e Event) ([]byte, error) {
	line, err := json.Marshal(e, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err == nil && len(line) > maxLine {
		err = fmt.Errorf("%d bytes, more than the %d an event may have", len(line), maxLine)
	}
	return line, err
}

func readLog(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%s: no ceremony log there", path), "name the folder with --kmdata")
	}
	if err == nil && info.Size() > maxLog {
		return nil, fmt.Errorf("%s: %d bytes, more than the %d a ceremony log may have", path, info.Size(), maxLog)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, cause(err))
	}
	return data, nil
}

func split(data []byte) [][]byte {
	if len(data) == 0 {
		return nil
	}
	return bytes.Split(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))
}

// link is the hash that the line after lines carries: of the last one, or of
// the last whole one and the torn ones behind it, so that no line is left out
// of the chain.
func link(lines [][]byte) fingerprint.Sum {
	if len(lines) == 0 {
		return fingerprint.Sum{}
	}
	from := len(lines) - 1
	for from > 0 && torn(lines[from]) {
		from--
	}
	return fingerprint.Of(bytes.Join(lines[from:], []byte("\n")))
}

// torn tells a line that a crash cut short from one that was written whole: no
// beginning of a JSON object is JSON. A whole line that a later release wrote
// and this one cannot read is not torn.
func torn(line []byte) bool { return !stdjson.Valid(line) }
