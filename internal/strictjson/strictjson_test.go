package strictjson

import (
	"strings"
	"testing"
)

type header struct {
	Kid string `json:"kid"`
	Max int    `json:"max"`
}

type file struct {
	Version int    `json:"version"`
	Header  header `json:"header"`
}

func TestUnmarshalRefuses(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"unknown field":  {`{"version":1,"extra":"hunter2"}`, `f.json: unknown field extra`},
		"unknown nested": {`{"header":{"kidd":"x"}}`, `f.json: unknown field header.kidd`},
		"other case":     {`{"Version":1}`, `f.json: unknown field Version`},
		"doubled":        {`{"version":1,"version":2}`, `f.json: field version appears twice`},
		"wrong type": {`{"header":{"kid":7}}`,
			`f.json: field header.kid: expected a string, not a JSON number`},
		"not an integer": {`{"version":1.5}`, `f.json: field version: invalid syntax`},
		"trailing data":  {`{"version":1} {}`, `f.json: not valid JSON at byte 14`},
		"cut short":      {`{"version":1`, `f.json: not valid JSON at byte 12`},
		"empty":          {``, `f.json: not valid JSON at byte 0`},
		"an array":       {`[]`, `f.json: field (the whole file): expected an object, not a JSON array`},
		"invalid UTF-8":  {"{\"header\":{\"kid\":\"\xff\"}}", `f.json: not valid JSON at byte 18, in field header.kid`},
		"over-size": {`{"version":1}` + strings.Repeat(" ", 100),
			`f.json: 113 bytes, more than the 100 such a file may have`},
	} {
		var v file
		err := Unmarshal("f.json", []byte(c.data), 100, &v)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, c.want)
		}
	}
}

func TestMarshalRoundTrip(t *testing.T) {
	in := file{Version: 1, Header: header{Kid: "a", Max: 2}}
	data, err := Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out file
	if err := Unmarshal("f.json", data, 1000, &out); err != nil || out != in {
		t.Fatalf("%+v, %v", out, err)
	}
}

func TestForeignEncodings(t *testing.T) {
	const tail = ", as Windows PowerShell writes it; expected UTF-8 without a byte order mark"
	for _, c := range []struct{ name, data, want string }{
		{"UTF-8 with a mark", "\xef\xbb\xbf{}\n", "f.json: it begins with a byte order mark" + tail},
		{"UTF-16 of Windows", "\xff\xfe{\x00}\x00", "f.json: it is in UTF-16" + tail},
		{"UTF-16, big endian", "\xfe\xff\x00{\x00}", "f.json: it is in UTF-16" + tail},
		{"UTF-16 without a mark", "{\x00}\x00", "f.json: it is in UTF-16" + tail},
		{"the same, big endian", "\x00{\x00}", "f.json: it is in UTF-16" + tail},
	} {
		var v file
		for _, err := range []error{
			Unmarshal("f.json", []byte(c.data), 100, &v),
			Expect("f.json", []byte(c.data), 100, "x", 1),
			Exact("f.json", []byte(c.data), 100, &v),
		} {
			if err == nil || err.Error() != c.want {
				t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
			}
		}
	}
}

func TestTextModeIsNamed(t *testing.T) {
	data, err := Marshal(file{Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	windows := strings.ReplaceAll(string(data), "\n", "\r\n")
	var v file
	err = Exact("f.json", []byte(windows), 100, &v)
	if want := "f.json: its lines end in CR LF: it was copied in text mode"; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

func TestTypeOf(t *testing.T) {
	for name, c := range map[string]struct{ data, typ, want string }{
		"a type":    {`{"type":"byok-x","other":{}}`, "byok-x", ""},
		"no type":   {`{}`, "", ""},
		"a number":  {`{"type":1}`, "", "f.json: field type: expected a string, not a JSON number"},
		"cut short": {`{"type":"byok`, "", "f.json: not valid JSON at byte 13, in field type"},
		"over-large": {`{"type":"` + strings.Repeat("x", 100) + `"}`, "",
			"f.json: 111 bytes, more than the 100 such a file may have"},
	} {
		typ, err := TypeOf("f.json", []byte(c.data), 100)
		if typ != c.typ || (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: %q, %v\nwant %q, %s", name, typ, err, c.typ, c.want)
		}
	}
}
