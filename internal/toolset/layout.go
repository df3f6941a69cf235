package toolset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Records of a zip (PKWARE APPNOTE, sections 4.3.7, 4.3.12 and 4.3.16).
const (
	localSize   = 30
	endSize     = 22
	localSign   = "PK\x03\x04"
	centralSign = "PK\x01\x02"
	endSign     = "PK\x05\x06"
)

// checkLayout walks the file from its first byte: each entry of the directory,
// one after the other, each with the header its directory line describes, then
// the directory, then the end record without a comment. Two readers then
// cannot see two contents: nothing is hidden before, between or after the
// entries, and none overlap.
func checkLayout(data []byte, entries []*zip.File) error {
	at := int64(0)
	for _, e := range entries {
		next, err := checkLocal(data, at, e)
		if err != nil {
			return fmt.Errorf("entry %q: %w", e.Name, err)
		}
		at = next
	}
	return checkEnd(data, at, len(entries))
}

// checkLocal compares the local header at an offset with the directory, and
// returns the offset after the entry's data.
func checkLocal(data []byte, at int64, e *zip.File) (int64, error) {
	start, err := e.DataOffset()
	if err != nil || start-at < localSize || start > int64(len(data)) {
		return 0, errors.New("does not follow the entry before it")
	}
	h := data[at:start]
	nameLength := int(binary.LittleEndian.Uint16(h[26:]))
	extraLength := int(binary.LittleEndian.Uint16(h[28:]))
	switch {
	case string(h[:4]) != localSign || localSize+nameLength+extraLength != len(h):
		return 0, errors.New("does not follow the entry before it")
	case string(h[localSize:localSize+nameLength]) != e.Name,
		binary.LittleEndian.Uint16(h[6:]) != e.Flags,
		binary.LittleEndian.Uint16(h[8:]) != e.Method,
		binary.LittleEndian.Uint32(h[14:]) != e.CRC32,
		uint64(binary.LittleEndian.Uint32(h[18:])) != e.CompressedSize64,
		uint64(binary.LittleEndian.Uint32(h[22:])) != e.UncompressedSize64:
		return 0, errors.New("its own header and the directory disagree")
	}
	return start + int64(e.CompressedSize64), nil
}

// checkEnd expects the directory at an offset and the end record right after
// it. Zip64 records and comments are bytes that do not belong.
func checkEnd(data []byte, directory int64, entries int) error {
	stray := errors.New("bytes that no entry lists, or an entry that the directory does not")
	end := int64(len(data)) - endSize
	if end < directory || string(data[end:end+4]) != endSign {
		return stray
	}
	r := data[end:]
	switch {
	case !bytes.Equal(r[4:8], []byte{0, 0, 0, 0}), // number of this disk, disk of the directory
		int(binary.LittleEndian.Uint16(r[8:])) != entries,
		int(binary.LittleEndian.Uint16(r[10:])) != entries,
		int64(binary.LittleEndian.Uint32(r[12:])) != end-directory,
		int64(binary.LittleEndian.Uint32(r[16:])) != directory:
		return stray
	}
	return checkDirectory(data[directory:end], entries, stray)
}

// checkDirectory counts the directory's own records: the reader would stop at
// the number the end record gives.
func checkDirectory(directory []byte, entries int, stray error) error {
	const size = 46
	for range entries {
		if len(directory) < size || string(directory[:4]) != centralSign {
			return stray
		}
		record := size
		for _, at := range []int{28, 30, 32} { // name, extra, comment
			record += int(binary.LittleEndian.Uint16(directory[at:]))
		}
		if len(directory) < record {
			return stray
		}
		directory = directory[record:]
	}
	if len(directory) > 0 {
		return stray
	}
	return nil
}
