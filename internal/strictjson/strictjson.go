// Package strictjson decodes the project's JSON files: an unknown, doubled,
// miscased or wrongly typed field, trailing data, invalid UTF-8 or an
// oversized file is an error that names the file and the field, never the
// value, because some files hold secrets.
//
// Use Expect and then Exact for the project's own files, Unmarshal for JSON that
// others write, and Marshal for everything that is written. Do not use encoding/json.
//
// It is a thin layer over the implementation of encoding/json/v2
// (github.com/go-json-experiment/json), which refuses duplicate names
// (RFC 8259, section 4; RFC 7493, section 2.3) and matches names by exact
// case. The standard encoding/json does neither. When the toolchain carries
// encoding/json/v2, this package is the only one to change.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Unmarshal decodes data, the content of the file called name, into v. More
// than limit bytes is an error. Fields absent from the file stay zero: the
// caller checks what must be there.
func Unmarshal(name string, data []byte, limit int, v any) error {
	return decode(name, data, limit, v, true)
}

func decode(name string, data []byte, limit int, v any, strict bool) error {
	if len(data) > limit {
		return fmt.Errorf("%s: %d bytes, more than the %d such a file may have", name, len(data), limit)
	}
	if err := CheckEncoding(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(strict)); err != nil {
		return fmt.Errorf("%s: %s", name, explain(err))
	}
	return nil
}

// Marshal encodes v as indented JSON (two spaces) with a final newline, in
// the order of its fields: the same value always gives the same bytes.
func Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v, jsontext.WithIndent("  "), json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// Exact is [Unmarshal] for a file that has one spelling only: data must be, to
// the byte, what [Marshal] makes of the value that was decoded. Use it for
// every file that is signed or hashed, after [Expect]. v is a pointer.
func Exact(name string, data []byte, limit int, v any) error {
	if err := Unmarshal(name, data, limit, v); err != nil {
		return err
	}
	return Same(name, data, v)
}

// Same is the second half of [Exact], for a caller that can say better than
// "line 7" what is wrong with the value and checks that first. The error names
// the first line of data, from 1, that [Marshal] would write differently.
func Same(name string, data []byte, v any) error {
	again, err := Marshal(v)
	if err != nil {
		return fmt.Errorf("%s: %s", name, explain(err))
	}
	if err := CheckLines(data); err != nil && bytes.Equal(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), again) {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !bytes.Equal(again, data) {
		return fmt.Errorf("%s: line %d differs from what the program writes: a field is missing, null, out of order "+
			"or spaced differently",
			name, differingLine(data, again))
	}
	return nil
}

// Expect checks the fields "type" and "version" of a file and nothing else, so
// that a file of another type or of a later release is refused by that name
// and not for a field that this release does not know.
func Expect(name string, data []byte, limit int, typ string, version int) error {
	var head struct {
		Type    string `json:"type"`
		Version int    `json:"version"`
	}
	if err := decode(name, data, limit, &head, false); err != nil {
		return err
	}
	switch {
	case head.Type != typ:
		return fmt.Errorf("%s: type is %.40q, expected %q", name, head.Type, typ)
	case head.Version > version:
		return fmt.Errorf("%s: version %d of %s, written by a later release; this one reads version %d",
			name, head.Version, typ, version)
	case head.Version != version:
		return fmt.Errorf("%s: version %d of %s; this release reads version %d", name, head.Version, typ, version)
	}
	return nil
}

// TypeOf returns the field "type" of one of the project's own files, "" where it
// has none, for a caller that reads several types. [Expect] must still be called.
func TypeOf(name string, data []byte, limit int) (string, error) {
	var head struct {
		Type string `json:"type"`
	}
	return head.Type, decode(name, data, limit, &head, false)
}

// CheckEncoding refuses text in an encoding that some tools write and RFC 8259,
// section 8.1, does not allow: after a byte order mark, or in UTF-16. All the
// functions that decode call it; use it for other text too, such as PEM.
func CheckEncoding(data []byte) error {
	const powershell = ", as Windows PowerShell writes it; expected UTF-8 without a byte order mark"
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return errors.New("it begins with a byte order mark" + powershell)
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")),
		isWide(data, 0), isWide(data, 1):
		return errors.New("it is in UTF-16" + powershell)
	}
	return nil
}

// isWide reports whether data begins with two characters of ASCII in UTF-16
// whose significant bytes are at first and first+2.
func isWide(data []byte, first int) bool {
	if len(data) < 4 {
		return len(data) == 2 && data[first] == '{' && data[1-first] == 0
	}
	text := func(b byte) bool { return b >= ' ' && b < 0x7f || b == '\n' || b == '\r' || b == '\t' }
	return text(data[first]) && text(data[first+2]) && data[1-first] == 0 && data[3-first] == 0
}

// CheckLines refuses text whose lines end in CR LF, as a copy in text mode
// makes them.
func CheckLines(data []byte) error {
	if bytes.Contains(data, []byte("\r\n")) {
		return errors.New("its lines end in CR LF: it was copied in text mode")
	}
	return nil
}

// differingLine counts from 1.
func differingLine(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return 1 + bytes.Count(a[:n], []byte("\n"))
}

func explain(err error) string {
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return "unknown field " + field(pointerOf(err))
	case errors.Is(err, jsontext.ErrDuplicateName):
		return "field " + field(pointerOf(err)) + " appears twice"
	case errors.As(err, &syntax):
		return fmt.Sprintf("not valid JSON at byte %d%s", syntax.ByteOffset, within(syntax.JSONPointer))
	case errors.As(err, &semantic) && semantic.Err != nil:
		return fmt.Sprintf("field %s: %v", field(semantic.JSONPointer), semantic.Err)
	case errors.As(err, &semantic):
		return fmt.Sprintf("field %s: expected %s, not a JSON %s",
			field(semantic.JSONPointer), expected(semantic.GoType), kindName(semantic.JSONKind))
	}
	return err.Error()
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case '"':
		return "string"
	case '0':
		return "number"
	}
	return k.String()
}

// expected names a Go type in JSON's words, which is what the file is written in.
func expected(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return "an object"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8, t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		return "an array"
	case t.Kind() == reflect.Bool:
		return "a boolean"
	}
	return "a number"
}

func pointerOf(err error) jsontext.Pointer {
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &semantic):
		return semantic.JSONPointer
	case errors.As(err, &syntax):
		return syntax.JSONPointer
	}
	return ""
}

// field turns the JSON pointer /header/kid into header.kid.
func field(p jsontext.Pointer) string {
	name := strings.ReplaceAll(strings.TrimPrefix(string(p), "/"), "/", ".")
	if name == "" {
		return "(the whole file)"
	}
	return name
}

func within(p jsontext.Pointer) string {
	if p == "" {
		return ""
	}
	return ", in field " + field(p)
}
