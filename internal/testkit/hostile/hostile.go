// Package hostile has text that a library, a file or a server could send to
// steer a terminal, or to pass for a line of the program's own. It proves that
// none of it gets through.
//
// Use [Fill] for a value whose every text is hostile, [Try] for what a result
// prints of it, and [Check] for what a program printed.
package hostile

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"byok/internal/printable"
)

// Text holds the sequences of a terminal that clear the screen, set its title
// and fill its clipboard, in seven bits and in eight; what hides or turns text
// round; bytes that are no UTF-8; and two lines that a program could print.
const Text = "x\x1b[2J\x1b]0;t\a\x1b]52;c;QQ==\x1b\\\u009b31m\x9b31m\u202eabc\u2066\u200b\u2028\u00ad\ufeff\U000e0041" +
	"\b\r\t\v\f\x00\x7f\xff\xed\xa0\x80\n" + forgedResult + "\n" + forgedError

const (
	forgedResult = "Result: FORGED"
	forgedError  = "byok-offline: error: forged"
)

// Valid is Text as far as it is UTF-8, for what passes through JSON.
func Valid() string { return strings.ToValidUTF8(Text, "") }

// Fill returns a T of which every text is [Text], as deep as it goes.
func Fill[T any]() T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), 0)
	return v
}

// deepest keeps Fill out of a type that holds itself.
const deepest = 12

func fill(v reflect.Value, depth int) {
	if !v.CanSet() || depth > deepest || v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(Text)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(2)
	case reflect.Uint, reflect.Uint64, reflect.Uint32:
		v.SetUint(2)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, depth+1)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), depth+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, depth+1)
		fill(value, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	}
}

// Try prints a result for people, and checks that.
func Try(t testing.TB, name string, result interface{ Print(w io.Writer) error }) {
	t.Helper()
	var text bytes.Buffer
	if err := result.Print(&text); err != nil {
		t.Errorf("%s: %v", name, err)
	}
	if !strings.Contains(text.String(), `\x1b`) {
		t.Errorf("%s: nothing hostile in\n%s", name, text.String())
	}
	Check(t, name, text.String())
}

// Check reports whether all that a program printed is lines of visible
// characters, none of which is a line of [Text]. What is not fails the test.
func Check(t testing.TB, what, printed string) bool {
	t.Helper()
	for line := range strings.Lines(printed) {
		line = strings.TrimSuffix(line, "\n")
		if !printable.Is(line) || line == forgedResult || strings.HasPrefix(line, forgedError) {
			t.Errorf("%s: a hostile line is printed: %q", what, line)
			return false
		}
	}
	return true
}
