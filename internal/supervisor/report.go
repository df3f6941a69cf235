//go:build windows || (linux && (amd64 || arm64))

package supervisor

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"

	"byok/internal/command"
)

// report is one line from a worker. The last one of each kind counts.
type report struct {
	Running *command.Running `json:"running,omitempty"` // the command under way
	Status  *int             `json:"status,omitempty"`  // with which it is about to exit
}

// send writes a line. Where no one listens any more, this process is about to
// end as well.
func send(w io.Writer, r report) {
	if line, err := json.Marshal(r); err == nil {
		_, _ = w.Write(append(line, '\n'))
	}
}

// longestReport is more than a report of any command has, in bytes.
const longestReport = 1 << 20

// listen takes the worker's reports, to the end, and passes over what is none.
func (w *worker) listen(r io.Reader) {
	for lines := bufio.NewReaderSize(r, longestReport); ; {
		line, err := lines.ReadSlice('\n')
		var said report
		if json.Unmarshal(line, &said) == nil {
			if said.Running != nil {
				w.running = said.Running
			}
			if said.Status != nil {
				w.status = said.Status
			}
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
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
