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
// have the status Usage and name the file and the field; a package of the
// retired toolset gives [ErrRetired]. To use the KEK, read it with [ParsePair].
func ParseKEKPackage(name string, data []byte) (KEKPackage, error) {
	var p KEKPackage
	if err := decode(name, data, KEKType, &p); err != nil {
		return KEKPackage{}, err
	}
	if err := p.check(); err != nil {
		return KEKPackage{}, inFile(name, err)
	}
	return p, exitcode.Mark(exitcode.Usage, strictjson.Same(name, data, p))
}

// ParseSecurityWorldPackage reads the content of the SecurityWorld package
// called name. Its errors are those of [ParseKEKPackage].
func ParseSecurityWorldPackage(name string, data []byte) (SecurityWorldPackage, error) {
	var p SecurityWorldPackage
	if err := decode(name, data, SecurityWorldType, &p); err != nil {
		return SecurityWorldPackage{}, err
	}
	if err := p.check(); err != nil {
		return SecurityWorldPackage{}, inFile(name, err)
	}
	return p, exitcode.Mark(exitcode.Usage, strictjson.Same(name, data, p))
}

// Marshal returns the package file. The same package always gives the same
// bytes, and [ParseKEKPackage] accepts no others.
func (p KEKPackage) Marshal() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, inFile(KEKName(p.Suffix, p.Generation), err)
	}
	return strictjson.Marshal(p)
}

// Marshal returns the package file. The same package always gives the same
// bytes, and [ParseSecurityWorldPackage] accepts no others.
func (p SecurityWorldPackage) Marshal() ([]byte, error) {
	if err := p.check(); err != nil {
		return nil, inFile(SecurityWorldName(p.Suffix, p.Generation), err)
	}
	return strictjson.Marshal(p)
}

// decode fills p, a pointer to a package of the type that is expected.
func decode(name string, data []byte, typ string, p any) error {
	if isRetired(data) {
		return exitcode.Errorf(exitcode.Usage, "%s: a binary package %w", name, ErrRetired).Hint(
			"its own verifykeypackage.py and KeyTransferRemote.exe read it, with an nShield HSM; for today's " +
				"service: byok-online toolset build")
	}
	if err := strictjson.Expect(name, data, MaxPackage, typ, Version); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	return exitcode.Mark(exitcode.Usage, strictjson.Unmarshal(name, data, MaxPackage, p))
}

// isRetired reports whether data is binary and not text that may be meant as
// JSON, in whatever encoding. The format of the retired packages was never published; all that
// is known is that they are not text.
func isRetired(data []byte) bool {
	if strictjson.CheckEncoding(data) != nil {
		return false
	}
	text := utf8.Valid(data) && bytes.IndexByte(data, 0) < 0
	return !text && !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{"))
}

func inFile(name string, err error) error {
	return exitcode.Mark(exitcode.Usage, fmt.Errorf("%s: %w", name, err))
}
