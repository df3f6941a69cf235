// Package executable reads a program's file as the kernel or the loader reads it:
// what is mapped, what it imports, and which functions of Go are where.
//
// Use Read on the whole file. It goes by the tables that the loader goes by
// (program headers and PT_DYNAMIC of ELF, the data directories of PE), not by
// those that a linker leaves for debuggers, which anyone can take out or forge.
// It executes nothing, and any input gives an image or an error.
//
// What the file's code does is not looked at here: see package machinecode.
package executable

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// Image is a program's file as it is mapped.
type Image struct {
	Format      string // "ELF" or "PE"
	OS, Arch    string // as Go names them: "linux" or "windows", "amd64" or "arm64"
	Interpreter string // of ELF, such as /lib64/ld-linux-x86-64.so.2; "" in a static program
	Segments    []Segment
	Libraries   []string // that the loader loads with it, as the file has them, its auditors included
	Folders     []string // of ELF, where the loader looks for libraries before the system's (DT_RUNPATH)
	Imports     []Import
	Alterable   []string // how code that was not read here can come into memory that is executed
	Tables      []Table  // of Go's functions, from one program more than one if it was tampered with
}

// Segment is a range of memory and what the file puts there.
type Segment struct {
	Address    uint64
	Data       []byte // without what is zero and not in the file
	Executable bool
	Writable   bool
}

// Import is a function, or a variable, that the loader looks up by its name.
type Import struct {
	Library string // of PE; ELF's loader takes the first library that has the name
	Name    string // of PE "#12" where it is imported by ordinal
	Offset  int64  // added to its address: then it is something else in the same library
}

// End returns the address after the last byte of the segment that is in the file.
func (s Segment) End() uint64 { return s.Address + uint64(len(s.Data)) }

// contains reports whether an address is in the segment.
func (s Segment) contains(address uint64) bool {
	return address >= s.Address && address-s.Address < uint64(len(s.Data))
}

// ErrFormat is what Read returns for what is neither ELF nor PE.
var ErrFormat = errors.New("neither an ELF nor a PE file")

// Read reads a whole file. Its errors do not name the file.
func Read(file []byte) (*Image, error) {
	image, err := parse(file)
	if err != nil {
		return nil, err
	}
	image.Tables = tables(image)
	return image, nil
}

func parse(file []byte) (*Image, error) {
	switch {
	case bytes.HasPrefix(file, []byte("\x7fELF")):
		return readELF(file)
	case bytes.HasPrefix(file, []byte("MZ")):
		return readPE(file)
	}
	return nil, ErrFormat
}

// At returns the bytes from an address to the end of its segment, or nil.
func (i *Image) At(address uint64) []byte {
	for _, s := range i.Segments {
		if s.contains(address) {
			return s.Data[address-s.Address:]
		}
	}
	return nil
}

// InCode reports whether an address is in an executable segment.
func (i *Image) InCode(address uint64) bool {
	return slices.ContainsFunc(i.Segments, func(s Segment) bool { return s.Executable && s.contains(address) })
}

// view is a file, or memory, that is read with its limits checked.
type view []byte

// part returns n bytes from offset, or an error that names what they are.
func (v view) part(offset, n uint64, what string) ([]byte, error) {
	if offset > uint64(len(v)) || n > uint64(len(v))-offset {
		return nil, fmt.Errorf("damaged: %s is beyond the end of the file", what)
	}
	return v[offset : offset+n], nil
}

// longest is how many bytes of a name are read, and mostImports how many imports:
// a hostile file can have each of its bytes stand for many.
const (
	longest     = 4 << 10
	mostImports = 16 << 10
)

// text returns the bytes at offset up to a zero byte, or "".
func (v view) text(offset uint64) string {
	if offset >= uint64(len(v)) {
		return ""
	}
	s, _, _ := bytes.Cut(v[offset:min(offset+longest, uint64(len(v)))], []byte{0})
	return string(s)
}

var errImports = errors.New("damaged: it imports more than any program does")
