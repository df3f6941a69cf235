// Package strictjson decodes the project's JSON files: an unknown, doubled,
// miscased or missing-typed field, trailing data, invalid UTF-8 or an
// over-size file is an error that names the file and the field, never the
// value, because some files hold secrets.
//
// It is a thin face on the implementation of encoding/json/v2
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
// than max bytes is an error. Fields absent from the file stay zero: the
// caller checks what must be there.
func Unmarshal(name string, data []byte, max int, v any) error {
	if len(data) > max {
		return fmt.Errorf("%s: %d bytes, more than the %d such a file may have", name, len(data), max)
	}
	if err := json.Unmarshal(data, v, json.RejectUnknownMembers(true)); err != nil {
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

// Equal tells whether v encodes to exactly data, so that a file has one spelling.
func Equal(v any, data []byte) bool {
	again, err := Marshal(v)
	return err == nil && bytes.Equal(again, data)
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
		return fmt.Sprintf("field %s: a JSON %s where %s is expected", field(semantic.JSONPointer), kindName(semantic.JSONKind), expected(semantic.GoType))
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
