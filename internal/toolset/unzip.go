package toolset

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"byok/internal/exitcode"
)

// MaxZip is the most bytes a toolset zip may have.
const MaxZip = 1 << 20

// maxEntries is more than a toolset has, so that the message about a name
// that does not belong is reached.
const maxEntries = 16

// Unzip reads a toolset zip called name. It returns the packages only if the
// zip holds them, their SHA256SUMS and nothing else, and they belong together.
//
// What is refused is named, with status Check: paths, links, folders and
// devices; the device names of Windows; a name twice or in two cases; any
// name that is not one of the three; an entry that is encrypted, compressed
// otherwise than by deflate, or larger than MaxPackage; an entry or bytes that
// the directory at the end does not list. Anything but a zip is a Usage error.
func Unzip(name string, data []byte) (Pair, error) {
	files, err := unzip(name, data)
	if err != nil {
		return Pair{}, err
	}
	return readFiles(name, files)
}

func unzip(name string, data []byte) ([]File, error) {
	if len(data) > MaxZip {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: more than the %d bytes a toolset may have", name, MaxZip)
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: not a zip file, or cut short", name)
	}
	if len(r.File) > maxEntries {
		return nil, refused(name, "%d entries; a toolset has 3", len(r.File))
	}
	if err := checkEntries(r.File); err != nil {
		return nil, refused(name, "%w", err)
	}
	if err := checkLayout(data, r.File); err != nil {
		return nil, refused(name, "%w", err)
	}
	return readEntries(name, r.File)
}

func refused(name, format string, args ...any) error {
	return exitcode.Errorf(exitcode.Check, "%s: "+format, append([]any{name}, args...)...)
}

// checkEntries looks at what the directory says of each entry.
func checkEntries(entries []*zip.File) error {
	seen := map[string]string{}
	for _, e := range entries {
		other, found := seen[strings.ToLower(e.Name)]
		switch {
		case found && other == e.Name:
			return fmt.Errorf("entry %.100q: appears twice", e.Name)
		case found:
			return fmt.Errorf("entry %.100q: differs from %.100q only in case", e.Name, other)
		}
		seen[strings.ToLower(e.Name)] = e.Name
		if err := checkEntryName(e.Name); err != nil {
			return fmt.Errorf("entry %.100q: %w", e.Name, err)
		}
		if err := checkEntry(e); err != nil {
			return fmt.Errorf("entry %.100q: %w", e.Name, err)
		}
	}
	return nil
}

// deviceShape is the names that are devices in every folder of Windows, with
// any extension (Microsoft, "Naming Files, Paths, and Namespaces").
var deviceShape = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])([.: ]|$)`)

// entryShape is the names of a toolset's files.
var entryShape = regexp.MustCompile(
	`^(BYOK-(KEK|SecurityWorld)-pkg-[A-Z0-9]{1,32}-[1-9][0-9]{0,3}|` + SumsName + `)$`,
)

// checkEntryName says what is wrong with a name. entryShape alone would be
// enough; the rest separates a slip from an attack.
func checkEntryName(name string) error {
	parts := strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' })
	switch {
	case entryShape.MatchString(name):
		return nil
	case strings.HasPrefix(name, "/"), strings.HasPrefix(name, `\`), len(name) > 1 && name[1] == ':':
		return errors.New("an absolute path")
	}
	for _, part := range parts {
		switch {
		case part == "..":
			return errors.New("a path that leaves the folder")
		case deviceShape.MatchString(part):
			return errors.New("the name of a device")
		}
	}
	if len(parts) != 1 || parts[0] != name {
		return errors.New("a folder or a file in one")
	}
	return errors.New("not a file of a toolset")
}

// encryptedFlag is bit 0 of the general purpose flags; streamedFlag, bit 3,
// puts sizes and checksum after the data (PKWARE APPNOTE, section 4.4.4).
const (
	encryptedFlag = 1 << 0
	streamedFlag  = 1 << 3
)

func checkEntry(e *zip.File) error {
	switch {
	case e.Mode()&fs.ModeSymlink != 0:
		return errors.New("a symbolic link")
	case !e.Mode().IsRegular():
		return errors.New("a folder or a device")
	case e.Flags&encryptedFlag != 0:
		return errors.New("encrypted")
	case e.Flags&streamedFlag != 0:
		return errors.New("its size is not in its header, only after its data")
	case e.Method != zip.Store && e.Method != zip.Deflate:
		return fmt.Errorf("compressed by method %d, neither stored nor deflated", e.Method)
	case e.UncompressedSize64 > MaxPackage:
		return fmt.Errorf("unpacks to %d bytes, more than the %d a package may have", e.UncompressedSize64,
			MaxPackage)
	}
	return nil
}

// readEntries unpacks into memory. The reader stops at the size the directory
// gives, which checkEntry has seen, and compares the checksum.
func readEntries(name string, entries []*zip.File) ([]File, error) {
	var files []File
	for _, e := range entries {
		data, err := readEntry(e)
		if err != nil || uint64(len(data)) != e.UncompressedSize64 {
			return nil, refused(name, "entry %q: damaged, or not of the stated size", e.Name)
		}
		files = append(files, File{e.Name, data})
	}
	return files, nil
}

func readEntry(e *zip.File) ([]byte, error) {
	r, err := e.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, MaxPackage+1))
}
