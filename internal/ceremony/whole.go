package ceremony

import (
	"bytes"
	"errors"
	"io"

	"byok/internal/strictjson"
)

// checkWhole names what befalls a whole file.
func (s *scan) checkWhole(log *io.SectionReader) error {
	if s.excused > 0 || log.Size() == 0 {
		return nil
	}
	start, end := make([]byte, min(log.Size(), 4)), make([]byte, min(log.Size(), 2))
	if _, err := log.ReadAt(start, 0); err != nil {
		return err
	}
	if _, err := log.ReadAt(end, log.Size()-int64(len(end))); err != nil {
		return err
	}
	zeros, err := start[0] == 0, error(nil)
	if zeros {
		zeros, err = onlyZeros(log)
	}
	windows := string(end) == "\r\n"
	if windows && err == nil {
		windows, err = fromWindows(log)
	}
	switch {
	case err != nil:
		return err
	case zeros:
		return s.altered("nothing but zero bytes; the record was overwritten, or its medium lost it")
	case windows:
		return s.altered("its lines end in CR LF: it was copied in text mode")
	}
	// The first bytes show an encoding.
	if err := strictjson.CheckEncoding(start); err != nil {
		return s.altered("%v", err)
	}
	return nil
}

// onlyZeros reports whether a log has no other bytes. It reads no further than it must.
func onlyZeros(log *io.SectionReader) (bool, error) {
	text := make([]byte, block)
	for at := int64(0); ; {
		n, err := log.ReadAt(text, at)
		if len(bytes.Trim(text[:n], "\x00")) > 0 {
			return false, nil
		}
		if at += int64(n); err != nil {
			return errors.Is(err, io.EOF), cause(err)
		}
	}
}

// cause is nil at the end of a file.
func cause(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// fromWindows reports whether every line of a log ends in CR LF. It reads no further
// than it must.
func fromWindows(log *io.SectionReader) (bool, error) {
	for text := newLines(io.NewSectionReader(log, 0, log.Size()), log.Size()); ; {
		line, ended, err := text.next()
		if err != nil {
			return errors.Is(err, io.EOF), cause(err)
		}
		if !ended || !bytes.HasSuffix(line, []byte("\r")) {
			return false, nil
		}
	}
}
