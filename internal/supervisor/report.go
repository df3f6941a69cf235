//go:build windows || (linux && (amd64 || arm64))

package supervisor

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"byok/internal/ceremony"
	"byok/internal/command"
)

// report is one line from a worker. The last one of each kind counts.
type report struct {
	Running *command.Running `json:"running,omitempty"` // the command under way
	Status  *int             `json:"status,omitempty"`  // with which it is about to exit
}

// The beginnings of the two kinds of line.
const (
	runningLine = `{"running":`
	statusLine  = `{"status":`
)

// longestReport is the most bytes that a line has: an event that the log takes, which
// encodes it as send does, and what a report has beside it.
const longestReport = ceremony.MaxEvent + 64<<10

// send writes a line. Where no one listens any more, this process is about to
// end as well.
func send(w io.Writer, r report) {
	if line, err := json.Marshal(r, jsontext.AllowInvalidUTF8(true)); err == nil {
		_, _ = w.Write(append(line, '\n'))
	}
}

// listen takes the worker's reports, to the end, and passes over what is none. They
// are decoded last: a worker that has ended waits for no one to read on.
func (w *worker) listen(r io.Reader) {
	var running, status []byte
	for lines, more := bufio.NewReader(r), true; more; {
		var line []byte
		line, more = wholeLine(lines)
		switch {
		case bytes.HasPrefix(line, []byte(runningLine)):
			running = line
		case bytes.HasPrefix(line, []byte(statusLine)):
			status = line
		}
	}
	var said report
	if json.Unmarshal(running, &said) == nil {
		w.running = said.Running
	}
	if json.Unmarshal(status, &said) == nil {
		w.status = said.Status
	}
}

// wholeLine reads a line. It is nil if it is longer than a report or has no end, as
// that of a worker that was killed while it wrote.
func wholeLine(from *bufio.Reader) (line []byte, more bool) {
	for fits := true; ; {
		part, err := from.ReadSlice('\n')
		if fits = fits && len(line)+len(part) <= longestReport; fits {
			line = append(line, part...)
		} else {
			line = nil
		}
		if err == nil {
			return line, true
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, false
		}
	}
}

// keep reads to the end, and keeps the beginning.
func keep(r io.Reader) string {
	const enough = 1 << 16
	kept, err := io.ReadAll(io.LimitReader(r, enough))
	if err == nil {
		_, _ = io.Copy(io.Discard, r)
	}
	return string(kept)
}
