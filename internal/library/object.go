package library

import (
	"errors"
	"io"
	"runtime"
	"strings"

	"byok/internal/durable"
	"byok/internal/fingerprint"
)

// object is what a library's file says of itself.
type object struct {
	sum    fingerprint.Sum
	soname string // its own name: DT_SONAME, or the export directory's; or ""
}

// CheckFile returns an error, with status Usage, unless path is a PKCS#11
// library to the eye: a regular file, a shared object of ELF or a DLL, as the system
// loads it, that exports C_GetFunctionList (PKCS#11 v2.40, section 5.4). It looks
// before the dynamic linker does, whose reason does not reach this program.
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
	soname, err := ownName(f)
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
// of any vendor's.
const maxLibrary = 256 << 20

// What is wrong with a file that is not a PKCS#11 library.
var (
	errNone    = errors.New("not a shared library")
	errDamaged = errors.New("a damaged shared library")
	errMachine = errors.New("a library for another processor than " + runtime.GOARCH)
	errOther   = errors.New("not a PKCS#11 library: it does not export " + entryPoint)
)

// entryPoint is the function that every PKCS#11 library exports.
const entryPoint = "C_GetFunctionList"

// formats are the kinds of libraries, by how their files begin. It is Windows that
// loads the one, and no other system.
var formats = []struct {
	magic   string
	windows bool
	exports func(io.ReaderAt) (soname string, err error)
}{
	{elfMagic, false, elfExports},
	{"MZ", true, dllExports},
}

// ownName returns the library's own name if it has the entry point that PKCS#11
// asks for.
func ownName(f io.ReaderAt) (string, error) {
	begin := make([]byte, len(elfMagic))
	if _, err := f.ReadAt(begin, 0); err != nil {
		return "", errNone
	}
	for _, kind := range formats {
		switch {
		case !strings.HasPrefix(string(begin), kind.magic):
		case kind.windows != (runtime.GOOS == "windows"):
			return "", errors.New("a library for another system than " + runtime.GOOS)
		default:
			return kind.exports(f)
		}
	}
	return "", errNone
}
