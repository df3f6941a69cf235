// Package page holds a document to the code: the fields that a table lists
// against those of a Go type, and the commands of a section, to be run.
//
// It is for tests. A table's first column and a heading are written in
// Markdown, as in docs/files.md.
package page

import (
	"encoding"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
)

// Section returns the text below a heading of the document at path, up to the
// next heading of the same or a higher level. The heading is given as it is
// written, such as "### Origin".
func Section(path, heading string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	_, rest, found := strings.Cut("\n"+string(data), "\n"+heading+"\n")
	if !found {
		return "", fmt.Errorf("%s: there is no heading %q", path, heading)
	}
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	end := regexp.MustCompile(fmt.Sprintf(`(?m)^#{1,%d} `, level)).FindStringIndex(rest)
	if end != nil {
		rest = rest[:end[0]]
	}
	return rest, nil
}

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")

// Rows lists what the first column of a section's tables holds, in code style.
func Rows(section string) []string {
	var list []string
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		list = append(list, m[1])
	}
	return list
}

var block = regexp.MustCompile("(?s)```sh\n(.*?)```\n")

// Commands returns the shell commands of a section's code blocks.
func Commands(section string) string {
	var all strings.Builder
	for _, m := range block.FindAllStringSubmatch(section, -1) {
		all.WriteString(m[1])
	}
	return all.String()
}

// Fields lists the JSON fields of a struct in their order: those of structs in
// it behind a dot, those in a list behind []. An embedded struct's are its own,
// unless it is one of skip.
func Fields(v any, skip ...any) []string {
	skipped := map[reflect.Type]bool{}
	for _, s := range skip {
		skipped[reflect.TypeOf(s)] = true
	}
	return fields(reflect.TypeOf(v), "", skipped)
}

func fields(t reflect.Type, prefix string, skipped map[reflect.Type]bool) []string {
	var list []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			if !skipped[f.Type] {
				list = append(list, fields(f.Type, prefix, skipped)...)
			}
		case !f.IsExported() || name == "-" || name == "":
		default:
			list = append(list, inner(f.Type, prefix+name, skipped)...)
		}
	}
	return list
}

var text = reflect.TypeFor[encoding.TextMarshaler]()

// inner lists a field, or the fields of the structs that it holds.
func inner(t reflect.Type, name string, skipped map[reflect.Type]bool) []string {
	for {
		switch {
		case t.Implements(text):
			return []string{name}
		case t.Kind() == reflect.Pointer:
			t = t.Elem()
		case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
			t, name = t.Elem(), name+"[]"
		case t.Kind() == reflect.Struct:
			return fields(t, name+".", skipped)
		default:
			return []string{name}
		}
	}
}
