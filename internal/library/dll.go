package library

import (
	"encoding/binary"
	"errors"
	"io"
)

// Where a DLL's headers have what is read here, in bytes, and its values ("PE
// Format", Microsoft): the file's header behind the signature, the optional header of
// 64 bits behind it, the headers of the sections behind that.
const (
	atSignature    = 0x3c
	signature      = "PE\x00\x00"
	atSectionCount = 6
	atHeaderSize   = 20
	atDLLFlags     = 22
	flagDLL        = 0x2000 // IMAGE_FILE_DLL
	atOptional     = 24
	optionalWide   = 0x20b
	atDirectories  = 108 // their number, and then each, of 8 bytes; exports are the first
	sectionSize    = 40
)

// Where the export directory table has what is read here, and how long it is, in
// bytes (the same, section "Export Directory Table").
const (
	atName       = 12
	atCount      = 24
	atNames      = 32
	exportsSize  = 40
	addressBytes = 4
)

// errNarrow is wrong with a DLL for another kind of programs.
var errNarrow = errors.New("a library for programs of 32 bits")

// dllExports is elfExports for a DLL of 64 bits.
func dllExports(f io.ReaderAt) (name string, err error) {
	begin := bytesOf(f, atSignature, 4)
	if begin == nil {
		return "", errNone
	}
	at := uint64(binary.LittleEndian.Uint32(begin))
	header := bytesOf(f, at, atOptional+2)
	if header == nil || string(header[:4]) != signature {
		return "", errNone
	}
	number := func(at int) uint16 { return binary.LittleEndian.Uint16(header[at:]) }
	switch {
	case number(atDLLFlags)&flagDLL == 0:
		return "", errNone
	case number(atOptional) != optionalWide:
		return "", errNarrow
	}
	optional := bytesOf(f, at+atOptional, int(number(atHeaderSize)))
	sections := bytesOf(f, at+atOptional+uint64(len(optional)), int(number(atSectionCount))*sectionSize)
	switch {
	case optional == nil || sections == nil:
		return "", errDamaged
	case len(optional) < atDirectories+8 || binary.LittleEndian.Uint32(optional[atDirectories:]) == 0:
		return "", errOther
	}
	return sectionsOf(f, sections).exportsAt(binary.LittleEndian.Uint32(optional[atDirectories+4:]))
}

// sectionsOf returns what the headers of sections say: addresses are relative to
// where the library is loaded.
func sectionsOf(f io.ReaderAt, headers []byte) mapped {
	m := mapped{file: f}
	for ; len(headers) > 0; headers = headers[sectionSize:] {
		number := func(at int) uint64 { return uint64(binary.LittleEndian.Uint32(headers[at:])) }
		m.parts = append(m.parts, part{address: number(12), size: number(16), offset: number(20)})
	}
	return m
}

// exportsAt reads the export directory at an address.
func (m mapped) exportsAt(at uint32) (name string, err error) {
	directory := m.bytes(uint64(at), exportsSize)
	if at == 0 || directory == nil {
		return "", errOther
	}
	number := func(at int) uint32 { return binary.LittleEndian.Uint32(directory[at:]) }
	count := number(atCount)
	if count > mostRead {
		return "", errDamaged
	}
	addresses := m.bytes(uint64(number(atNames)), int(count)*addressBytes)
	if addresses == nil {
		return "", errDamaged
	}
	for ; len(addresses) > 0; addresses = addresses[addressBytes:] {
		if m.text(uint64(binary.LittleEndian.Uint32(addresses))) == entryPoint {
			return m.text(uint64(number(atName))), nil
		}
	}
	return "", errOther
}
