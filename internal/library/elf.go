package library

import (
	"debug/elf"
	"errors"
	"io"
	"os"
	"slices"

	"byok/internal/durable"
	"byok/internal/fingerprint"
)

// object is what a library's file says of itself.
type object struct {
	sum    fingerprint.Sum
	soname string // DT_SONAME, or ""
}

// CheckFile returns an error, with status Usage, unless path is a PKCS#11
// library to the eye: a regular ELF shared object that exports
// C_GetFunctionList (PKCS#11 v2.40, section 5.4). It looks before the dynamic
// linker does, whose reason does not reach this program.
func CheckFile(path string) error {
	if _, err := examine(path); err != nil {
		return noLibrary(path, err)
	}
	return nil
}

// examine reads a library through one handle, so that what is checked is what
// is hashed. Its errors do not name the path.
func examine(path string) (object, error) {
	f, err := durable.OpenUpTo(path, maxLibrary)
	if err != nil {
		return object{}, reason(err)
	}
	defer f.Close()
	soname, err := exports(f)
	if err != nil {
		return object{}, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return object{}, durable.Cause(err)
	}
	sum, err := fingerprint.Reader(f)
	if err != nil {
		return object{}, durable.Cause(err)
	}
	return object{sum, soname}, nil
}

// reason takes the path off an error of package durable.
func reason(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// maxLibrary is the size of a library in bytes that is read, several times that
// of any vendor's, and of a section of it once that is in memory.
const maxLibrary = 256 << 20

// swollen reports whether a section claims to be larger than a library is, as
// one can that is compressed. A section without content takes no memory here.
func swollen(s *elf.Section) bool { return s.Type != elf.SHT_NOBITS && s.Size > maxLibrary }

// exports returns the library's own name if it has the entry point that
// PKCS#11 asks for.
func exports(f *os.File) (soname string, err error) {
	file, err := elf.NewFile(f)
	if err != nil || file.Type != elf.ET_DYN {
		return "", errors.New("not a shared library")
	}
	if slices.ContainsFunc(file.Sections, swollen) {
		return "", errors.New("a damaged shared library")
	}
	symbols, err := file.DynamicSymbols()
	if err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return "", errors.New("a damaged shared library")
	}
	entry := func(s elf.Symbol) bool { return s.Name == "C_GetFunctionList" && s.Section != elf.SHN_UNDEF }
	if !slices.ContainsFunc(symbols, entry) {
		return "", errors.New("not a PKCS#11 library: it does not export C_GetFunctionList")
	}
	names, err := file.DynString(elf.DT_SONAME)
	if err != nil || len(names) == 0 {
		return "", nil
	}
	return names[0], nil
}
