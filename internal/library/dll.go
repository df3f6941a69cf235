package library

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"errors"
	"io"
)

// image is a DLL as it is mapped ("PE Format", Microsoft): its addresses are
// relative to where it is loaded.
type image struct{ *pe.File }

// dllExports is elfExports for a DLL of 64 bits.
func dllExports(f io.ReaderAt) (name string, err error) {
	file, err := pe.NewFile(f)
	if err != nil || file.Characteristics&pe.IMAGE_FILE_DLL == 0 {
		return "", errNone
	}
	header, wide := file.OptionalHeader.(*pe.OptionalHeader64)
	if !wide {
		return "", errors.New("a library for programs of 32 bits")
	}
	if header.NumberOfRvaAndSizes <= pe.IMAGE_DIRECTORY_ENTRY_EXPORT {
		return "", errOther
	}
	return image{file}.exports(header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress)
}

// Where the export directory table has what is read here, and how long it is, in
// bytes ("PE Format", section "Export Directory Table").
const (
	atName       = 12
	atCount      = 24
	atNames      = 32
	exportsSize  = 40
	mostExports  = 1 << 16
	longestName  = 256
	addressBytes = 4
)

// exports reads the export directory at an address.
func (m image) exports(at uint32) (name string, err error) {
	directory := m.bytes(at, exportsSize)
	if at == 0 || directory == nil {
		return "", errOther
	}
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(directory[at:]) }
	count := number(atCount)
	if count > mostExports {
		return "", errDamaged
	}
	addresses := m.bytes(number(atNames), int(count)*addressBytes)
	if addresses == nil {
		return "", errDamaged
	}
	for ; len(addresses) > 0; addresses = addresses[addressBytes:] {
		if m.text(binary.LittleEndian.Uint32(addresses)) == entryPoint {
			return m.text(number(atName)), nil
		}
	}
	return "", errOther
}

// bytes returns n bytes at an address, or nil where no section has them.
func (m image) bytes(at uint32, n int) []byte {
	for _, s := range m.Sections {
		if at < s.VirtualAddress || at-s.VirtualAddress >= s.Size {
			continue
		}
		data := make([]byte, n)
		if _, err := s.ReadAt(data, int64(at-s.VirtualAddress)); err == nil {
			return data
		}
	}
	return nil
}

// text returns the string at an address, up to its end mark; "" where there is none.
func (m image) text(at uint32) string {
	for n := longestName; n > 0; n /= 2 { // less, where it stands at the end of a section
		if text, _, found := bytes.Cut(m.bytes(at, n), []byte{0}); found {
			return string(text)
		}
	}
	return ""
}
