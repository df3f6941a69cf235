package ceremony

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/fingerprint"
)

// block is how many bytes of a log are read at a time.
const block = 256 << 10

// lines reads a log line by line.
type lines struct {
	r    *bufio.Reader
	long []byte // of a line that is longer than a block
}

// newLines reads a log of size bytes.
func newLines(r io.Reader, size int64) *lines {
	return &lines{r: bufio.NewReaderSize(r, int(min(size, block)))}
}

// next returns the next line, without its end and until the next call, and reports
// whether it has one. The error is io.EOF behind the last.
func (l *lines) next() (line []byte, ended bool, err error) {
	line, err = l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = l.long[:0]
		for ; errors.Is(err, bufio.ErrBufferFull); line, err = l.r.ReadSlice('\n') {
			l.long = append(l.long, line...)
		}
		l.long = append(l.long, line...)
		line = l.long
	}
	switch {
	case err == nil:
		return line[:len(line)-1], true, nil
	case errors.Is(err, io.EOF) && len(line) > 0:
		return line, false, nil
	}
	return nil, false, err
}

// link is the hash that the next line carries: of the last one, or of the last
// whole one and the torn ones behind it, so that no line is left out of the chain.
type link struct {
	covered hash.Hash // nil before the first line
	sum     fingerprint.Sum
	line    int  // the last
	torn    bool // it is
}

func (k *link) add(line []byte, torn bool) {
	switch {
	case k.covered == nil:
		k.covered = sha256.New()
	case torn:
		_, _ = k.covered.Write([]byte("\n")) // never fails
	default:
		k.covered.Reset()
	}
	_, _ = k.covered.Write(line) // never fails
	k.covered.Sum(k.sum[:0])
	k.line, k.torn = k.line+1, torn
}

// head is that of the log so far.
func (k *link) head() Head { return Head{k.line, k.sum} }

// torn reports whether a crash cut a line short: no beginning of a JSON object
// is JSON. A whole line that a later release wrote and this one cannot read is
// not torn.
func torn(line []byte) bool {
	return !jsontext.Value(line).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// headOf reads the head of a log, and the time of its last whole event. Lines are
// counted and only the last are looked at: what comes before is for whoever checks
// the log.
func headOf(log *io.SectionReader) (Head, time.Time, error) {
	n, err := countLines(log)
	if err != nil || n == 0 {
		return Head{}, time.Time{}, err
	}
	at, line, err := lastWhole(log)
	if err != nil {
		return Head{}, time.Time{}, err
	}
	end, err := contentEnd(log)
	if err != nil {
		return Head{}, time.Time{}, err
	}
	sum, err := fingerprint.Reader(io.NewSectionReader(log, at, end-at))
	return Head{n, sum}, timeOf(line), err
}

// countLines counts the lines of a log, the last of which may lack its end.
func countLines(log *io.SectionReader) (n int, err error) {
	text, last := make([]byte, min(log.Size(), block)), byte('\n')
	for at := int64(0); at < log.Size(); {
		read, err := log.ReadAt(text, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if read == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		n += bytes.Count(text[:read], []byte("\n"))
		at, last = at+int64(read), text[read-1]
	}
	if last != '\n' {
		n++
	}
	return n, nil
}

// contentEnd is where the last line of a log ends.
func contentEnd(log *io.SectionReader) (int64, error) {
	var last [1]byte
	_, err := log.ReadAt(last[:], log.Size()-1)
	if last[0] == '\n' {
		return log.Size() - 1, err
	}
	return log.Size(), err
}

// lastWhole returns the last line that is not torn, and where it begins; or the
// first, if all are.
func lastWhole(log *io.SectionReader) (at int64, line []byte, err error) {
	end, err := contentEnd(log)
	if err != nil {
		return 0, nil, err
	}
	for {
		if at, err = lineStart(log, end); err != nil {
			return 0, nil, err
		}
		line = make([]byte, end-at)
		if _, err := io.ReadFull(io.NewSectionReader(log, at, end-at), line); err != nil {
			return 0, nil, err
		}
		if at == 0 || !torn(line) {
			return at, line, nil
		}
		end = at - 1
	}
}

// lineStart is where the line that ends at end begins.
func lineStart(log *io.SectionReader, end int64) (int64, error) {
	text := make([]byte, min(end, block))
	for end > 0 {
		from := max(0, end-block)
		part := text[:end-from]
		if _, err := io.ReadFull(io.NewSectionReader(log, from, end-from), part); err != nil {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return from + int64(i) + 1, nil
		}
		end = from
	}
	return 0, nil
}

// timeOf reads the time of an event, whatever else is in it.
func timeOf(line []byte) time.Time {
	var e struct {
		Time time.Time `json:"time"`
	}
	if json.Unmarshal(line, &e) != nil {
		return time.Time{}
	}
	return e.Time
}
