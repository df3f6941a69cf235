package library

import (
	"bytes"
	"encoding/binary"
	"io"
)

// mapped is a library's file as it lies in memory once it is loaded. Numbers in it
// are little-endian. Packages debug/elf and debug/pe read sections, which a loader
// of ELF does not, and would put decompressors and DWARF into byok-offline.
type mapped struct {
	file  io.ReaderAt
	parts []part
}

// part is a run of the file's bytes: where it is mapped, and where it is in the file.
type part struct{ address, size, offset uint64 }

// What is read of a library at most: the length of a name in bytes, and the number
// of anything that a loop reads.
const (
	longestName = 256
	mostRead    = 1 << 16
)

// bytes returns n bytes at an address, or nil where the file has none for it.
func (m mapped) bytes(at uint64, n int) []byte {
	for _, p := range m.parts {
		if at < p.address || at-p.address >= p.size {
			continue
		}
		if data := bytesOf(m.file, p.offset+at-p.address, n); data != nil {
			return data
		}
	}
	return nil
}

// text returns the string at an address, up to its end mark; "" where there is none.
func (m mapped) text(at uint64) string {
	for n := longestName; n > 0; n /= 2 { // less, where it stands at the end of the file
		if text, _, found := bytes.Cut(m.bytes(at, n), []byte{0}); found {
			return string(text)
		}
	}
	return ""
}

// number returns the number of 32 bits at an address.
func (m mapped) number(at uint64) (n uint32, there bool) {
	data := m.bytes(at, 4)
	if data == nil {
		return 0, false
	}
	return binary.LittleEndian.Uint32(data), true
}

// bytesOf returns n bytes of a file, or nil where it is shorter.
func bytesOf(f io.ReaderAt, offset uint64, n int) []byte {
	if offset > maxLibrary {
		return nil
	}
	data := make([]byte, n)
	if _, err := f.ReadAt(data, int64(offset)); err != nil {
		return nil
	}
	return data
}
