package ceremony

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/access"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
)

// FileName is the log's name inside kmdata's local folder.
const FileName = kmdata.LogName

// MaxEvent is the most bytes that an event may have: enough for 10,000 packages with
// their files, or for as many uploads.
const MaxEvent = 32 << 20

const maxLog = 1 << 30 // bytes of a log

// Path returns the path of the log of the kmdata folder dir.
func Path(dir string) string { return filepath.Join(dir, "local", FileName) }

// Log is the ceremony log of one kmdata folder.
type Log struct{ path string }

// Open returns the log in dir/local, making the folders (mode 0700) and the
// file (mode 0600) where they are missing. It proves that the log can be
// written before any command does anything.
func Open(dir string) (*Log, error) {
	l := &Log{Path(dir)}
	if err := access.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return nil, l.unwritable(err)
	}
	if err := durable.Touch(l.path, 0o600); err != nil {
		return nil, l.unwritable(errors.Unwrap(err))
	}
	return l, nil
}

func (l *Log) unwritable(err error) error {
	return exitcode.Errorf(statusOf(err), "ceremony log %s cannot be written, so nothing was done: %w",
		l.path, durable.Cause(err)).Hint("name a folder you may write to with --kmdata")
}

// statusOf is the status of a log, or of the hold on it, that cannot be used.
func statusOf(err error) exitcode.Code {
	if errors.Is(err, durable.ErrUnfit) {
		return exitcode.Refused
	}
	return exitcode.Failed
}

// Appended says where an event is in the log.
type Appended struct {
	Head             // of the log with the event; its Lines is the event's number
	Before time.Time // time of the event before; zero if there is none that can be read
}

// Append puts e at the end of the log, with its number and the hash of what
// comes before, in one synced write. Several programs may append at once.
func (l *Log) Append(e Event) (Appended, error) {
	return l.append(e, func(*Event, Head) error { return nil })
}

// Seal appends e as a seal: sign gets the head of the log and returns a
// module's signature over its text; see [Head.Text]. No other program can
// append meanwhile.
func (l *Log) Seal(e Event, sign func(Head) (Seal, error)) (Appended, error) {
	e.Phase = Sealed
	return l.append(e, func(e *Event, head Head) error {
		seal, err := sign(head)
		e.Seal = &seal
		return err
	})
}

func (l *Log) append(e Event, complete func(e *Event, head Head) error) (a Appended, err error) {
	err = durable.Append(l.path, 0o600, maxLog, func(old *io.SectionReader) ([]byte, error) {
		head, before, err := headOf(old)
		if err != nil {
			return nil, err
		}
		e.Seq, e.Previous = head.Lines+1, head.SHA256
		if err := complete(&e, head); err != nil {
			return nil, err
		}
		line, err := encode(e)
		a = Appended{Head{e.Seq, fingerprint.Of(line)}, before}
		return line, err
	})
	if err != nil {
		return Appended{}, fmt.Errorf("ceremony log: the event could not be recorded: %w", err)
	}
	return a, nil
}

// Head returns the head of the log as it is now.
func (l *Log) Head() (Head, error) {
	log, err := openLog(l.path)
	if err != nil {
		return Head{}, err
	}
	defer log.Close()
	head, _, err := headOf(log.SectionReader)
	return head, err
}

// encode gives an event's line. A file name need not be UTF-8 but JSON must
// be: such bytes become U+FFFD, which strictjson would rather refuse.
func encode(e Event) ([]byte, error) {
	line, err := json.Marshal(e, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err == nil && len(line) > MaxEvent {
		err = fmt.Errorf("%d bytes, more than the %d an event may have", len(line), MaxEvent)
	}
	return line, err
}

func openLog(path string) (*durable.Appended, error) {
	log, err := durable.OpenAppended(path, maxLog)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: no ceremony log there", path).Hint("name the folder with --kmdata")
	}
	if errors.Is(err, durable.ErrUnfit) {
		err = exitcode.Mark(exitcode.Check, err)
	}
	return log, err
}
