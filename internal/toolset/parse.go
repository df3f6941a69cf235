package toolset

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"byok/internal/exitcode"
	"byok/internal/strictjson"
)

// ErrRetired marks a file of the toolset that was retired in June 2021, which
// only its own vendor's tools read. Test with errors.Is.
var ErrRetired = errors.New("of the nCipher toolset retired in June 2021")

// ParseKEKPackage reads the content of the KEK package called name. The errors
// are Usage errors that name the file and the field; a package of the retired
// toolset gives ErrRetired.
func ParseKEKPackage(name string, data []byte) (KEKPackage, error) {
	var p KEKPackage
	if err := decode(name, data, KEKType, &p); err != nil {
		return KEKPackage{}, err
	}
	return p, inFile(name, firstError(p.check, sameBytes(p, data)))
}

// ParseSecurityWorldPackage reads the content of the SecurityWorld package
// called name. Its errors are those of ParseKEKPackage.
func ParseSecurityWorldPackage(name string, data []byte) (SecurityWorldPackage, error) {
	var p SecurityWorldPackage
	if err := decode(name, data, SecurityWorldType, &p); err != nil {
		return SecurityWorldPackage{}, err
	}
	return p, inFile(name, firstError(p.check, sameBytes(p, data)))
}

// Marshal gives the package file. The same package always gives the same
// bytes, and ParseKEKPackage takes no others.
func (p KEKPackage) Marshal() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, inFile(KEKName(p.Suffix, p.Generation), err)
	}
	return strictjson.Marshal(p)
}

// Marshal gives the package file. The same package always gives the same
// bytes, and ParseSecurityWorldPackage takes no others.
func (p SecurityWorldPackage) Marshal() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, inFile(SecurityWorldName(p.Suffix, p.Generation), err)
	}
	return strictjson.Marshal(p)
}

// decode fills p, a pointer to a package of the kind wanted. The file is read
// twice: as any object first, so that a package of the other kind is called
// that, and not a file with an unknown field.
func decode(name string, data []byte, wanted string, p any) error {
	if isRetired(data) {
		return exitcode.Hint(exitcode.Errorf(exitcode.Usage, "%s: a binary package %w", name, ErrRetired),
			"its own verifykeypackage.py and KeyTransferRemote.exe read it, with an nShield HSM; for today's service: byok-online toolset build")
	}
	var any map[string]any
	if err := strictjson.Unmarshal(name, data, MaxPackage, &any); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	switch kind := any["type"]; {
	case kind == KEKType && wanted != KEKType:
		return exitcode.Errorf(exitcode.Usage, "%s: a KEK package where a SecurityWorld package is expected", name)
	case kind == SecurityWorldType && wanted != SecurityWorldType:
		return exitcode.Errorf(exitcode.Usage, "%s: a SecurityWorld package where a KEK package is expected", name)
	}
	return exitcode.Mark(exitcode.Usage, strictjson.Unmarshal(name, data, MaxPackage, p))
}

// isRetired tells a binary from text that may be meant as JSON. The format of
// the retired packages was never published; that they are no text is all that
// is known of them.
func isRetired(data []byte) bool {
	text := utf8.Valid(data) && bytes.IndexByte(data, 0) < 0
	return !text && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{"))
}

// sameBytes makes a check that p is written in the one way Marshal writes it,
// so that a package has one hash. It comes last, when all fields are good:
// what is left is a field that is not there, or other spacing.
func sameBytes(p any, data []byte) func() error {
	return func() error {
		if strictjson.Equal(p, data) {
			return nil
		}
		return errors.New("not as byok-online writes it: a field is missing, out of order or spelled otherwise, or the spacing was changed")
	}
}

func inFile(name string, err error) error {
	if err == nil {
		return nil
	}
	return exitcode.Mark(exitcode.Usage, fmt.Errorf("%s: %w", name, err))
}

// firstError runs the checks in order and returns the first error.
func firstError(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
