package download

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/strictjson"
)

// part is the file that holds what has arrived, locked for this process.
type part struct {
	path   string
	file   *os.File
	size   int64 // what has arrived
	source source
}

// source is what the bytes of a part are the beginning of. Without a validator
// that is unknown, and the part is of no use to a later try.
type source struct {
	Type      string `json:"type"`
	Version   int    `json:"version"`
	URL       string `json:"url"`
	Validator string `json:"validator"` // a strong ETag or a Last-Modified date, for If-Range
	Size      int64  `json:"size"`      // of the whole file; -1 if the server does not say
}

const (
	sourceType = "byok-partial-download"
	maxSource  = 16 << 10
)

// openPart opens what an earlier run left for a path, if it came from the same
// URL, or begins again.
func openPart(path, url string) (*part, error) {
	p := &part{path: path + ".part"}
	var err error
	if p.file, err = durable.OpenScratch(p.path, 0o644); err != nil {
		return nil, unopened(err)
	}
	if err := p.hold(); err != nil {
		p.close()
		return nil, err
	}
	if p.size, err = p.file.Seek(0, io.SeekEnd); err == nil && !p.remember(url) {
		err = p.restart(source{URL: url, Size: -1})
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// unopened says what to do about a part that cannot be opened.
func unopened(err error) error {
	if errors.Is(err, fs.ErrNotExist) { // its folder
		return exitcode.Mark(exitcode.Usage, err)
	}
	return exitcode.Hint(exitcode.Mark(exitcode.Refused, err), "download into a folder that only you may write to")
}

// hold keeps a second process from writing into the same file; the kernel
// frees it with ours.
func (p *part) hold() error {
	free, err := durable.TryLock(p.file)
	switch {
	case err != nil:
		return exitcode.Errorf(exitcode.Failed, "%s cannot be locked: %w", p.path, err)
	case !free:
		return exitcode.Errorf(exitcode.Refused, "%s is being written by another process", p.path).
			Hint("wait until it has ended, then run the command again")
	}
	return nil
}

// remember reads where the bytes came from. A record that cannot be read, or
// does not go with the bytes, is as good as none.
func (p *part) remember(url string) bool {
	data, err := durable.ReadFile(p.path+".json", maxSource)
	if err != nil || strictjson.Unmarshal(p.path+".json", data, maxSource, &p.source) != nil {
		return false
	}
	s := p.source
	return s.Type == sourceType && s.Version == 1 && s.URL == url && s.Validator != "" && p.size <= s.Size
}

// restart throws away what has arrived and records what comes now.
func (p *part) restart(s source) error {
	s.Type, s.Version = sourceType, 1
	p.size, p.source = 0, s
	if err := p.file.Truncate(0); err != nil {
		return final{err}
	}
	if err := p.rewind(); err != nil {
		return err
	}
	data, err := strictjson.Marshal(s)
	if err == nil {
		err = durable.Replace(p.path+".json", data, 0o644)
	}
	if err != nil {
		return final{err}
	}
	return nil
}

// Write appends.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.size += int64(n)
	if err != nil {
		return n, final{err}
	}
	return n, nil
}

// final is a failure that another try would meet again, such as a full disk.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// whole reports whether all has arrived, as far as the server's word goes.
func (p *part) whole() bool { return p.source.Size >= 0 && p.size == p.source.Size }

func (p *part) rewind() error {
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// remove takes the part away. It is closed first, because not every system
// removes an open file. What cannot be removed is a leftover that the next run
// throws away.
func (p *part) remove() {
	p.close()
	_, _ = os.Remove(p.path), os.Remove(p.path+".json")
}

func (p *part) close() { _ = p.file.Close() }
