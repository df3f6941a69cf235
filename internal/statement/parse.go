package statement

import (
	"byok/internal/exitcode"
	"byok/internal/strictjson"
)

// MaxFile is the most bytes that a statement may have. The largest, an
// authorization of fifty RSA-4096 keys for attested KEKs, which follow others and
// are attested themselves, takes about 600 KiB.
const MaxFile = 1 << 20

// ParseAs decodes a statement of the type want, without verifying a signature:
// type and version first, then the rest, which must be spelled as this program
// writes it. Name is for messages. A type that is not a statement's has status
// Usage, and whatever else is refused Check.
func ParseAs(name, want string, data []byte) (Statement, error) {
	k, known := kinds()[want]
	if !known {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: type %.40q is not a statement type", name, want)
	}
	if err := strictjson.Expect(name, data, MaxFile, want, k.version); err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	s := k.fresh()
	if err := strictjson.Unmarshal(name, data, MaxFile, s); err != nil {
		return nil, exitcode.Mark(exitcode.Check, err)
	}
	if err := s.header().check(); err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", name, err)
	}
	if err := s.check(); err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "%s: %w", name, err)
	}
	return s, exitcode.Mark(exitcode.Check, strictjson.Same(name, data, s))
}

// Parse is [ParseAs] for a statement of any type. What has no type that can be
// read has status Usage too.
func Parse(name string, data []byte) (Statement, error) {
	typ, err := strictjson.TypeOf(name, data, MaxFile)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	return ParseAs(name, typ, data)
}

// Encode returns the bytes of a statement that are signed, so that their
// SHA-256 is known before. What [Parse] would refuse is an error.
func Encode(s Statement) ([]byte, error) {
	data, err := strictjson.Marshal(s)
	if err != nil {
		return nil, err
	}
	_, err = ParseAs("the "+Name(s)+" statement", s.kind(), data)
	return data, err
}
