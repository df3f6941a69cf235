// Package statement defines the statements of a security world, the JSON files
// that its quorum signs, and checks each of them on its own.
//
// Encode a statement with [Encode], which returns the bytes to sign, and decode
// one with [Parse]; both refuse what no reader accepts. The smaller types, such as
// [Identity], [Guard] and [CardHolder], serve other files and the programs too.
//
// A statement that decodes proves nothing: it may be unsigned, or contradict
// those before it. Take statements from package kmdata, which verifies the
// signatures and checks each against its predecessors.
package statement

import (
	"fmt"
	"regexp"
	"strconv"
)

// The types of statement, as their files say in field type.
const (
	TypeWorld         = "byok-world"
	TypeModule        = "byok-module"
	TypeCards         = "byok-cards"
	TypeOrigin        = "byok-origin"
	TypeAuthorization = "byok-authorization"
	TypeSeal          = "byok-seal"
)

// Statement is a file that KNSO signs: [World], [Module], [Cards], [Origin],
// [Authorization] or [Seal].
type Statement interface {
	header() *Header
	kind() string // as its field type says
	check() error // everything that it can be checked for on its own, besides the header
}

// kind is a row of the table of statement types.
type kind struct {
	name    string // in file names
	version int
	fresh   func() Statement
}

func kinds() map[string]kind {
	return map[string]kind{
		TypeWorld:         {"world", 1, func() Statement { return new(World) }},
		TypeModule:        {"module", 1, func() Statement { return new(Module) }},
		TypeCards:         {"cards", 1, func() Statement { return new(Cards) }},
		TypeOrigin:        {"origin", 1, func() Statement { return new(Origin) }},
		TypeAuthorization: {"authorization", 1, func() Statement { return new(Authorization) }},
		TypeSeal:          {"seal", 1, func() Statement { return new(Seal) }},
	}
}

func (h *Header) header() *Header { return h }

func (*World) kind() string         { return TypeWorld }
func (*Module) kind() string        { return TypeModule }
func (*Cards) kind() string         { return TypeCards }
func (*Origin) kind() string        { return TypeOrigin }
func (*Authorization) kind() string { return TypeAuthorization }
func (*Seal) kind() string          { return TypeSeal }

// HeaderOf returns the header of a statement.
func HeaderOf(s Statement) Header { return *s.header() }

// SetHeader gives a statement the header h, but with the type and version that
// belong to the statement.
func SetHeader(s Statement, h Header) {
	h.Type, h.Version = s.kind(), kinds()[s.kind()].version
	*s.header() = h
}

// Name is the type of a statement in file names and for people:
// "authorization".
func Name(s Statement) string { return kinds()[s.kind()].name }

// FileName is the name of a statement's file: "000007-authorization.json". The
// world file has another name.
func FileName(s Statement) string { return fmt.Sprintf("%06d-%s.json", s.header().Number, Name(s)) }

var fileName = regexp.MustCompile(`^(\d{6})-([a-z]+)\.json$`)

// ParseFileName undoes [FileName]: it returns the number and the type that the
// name of a file announces. It is false where the name is not a statement's, or
// is a world file's.
func ParseFileName(name string) (number int, typ string, ok bool) {
	parts := fileName.FindStringSubmatch(name)
	if parts == nil {
		return 0, "", false
	}
	number, _ = strconv.Atoi(parts[1]) // six digits
	for typ, k := range kinds() {
		if k.name == parts[2] && typ != TypeWorld {
			return number, typ, true
		}
	}
	return 0, "", false
}

// Seal is a statement without other content: it vouches for the log so far.
type Seal struct{ Header }

func (*Seal) check() error { return nil }
