package strictjson

import "testing"

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestExact(t *testing.T) {
	const good = "{\n  \"version\": 1,\n  \"header\": {\n    \"kid\": \"a\",\n    \"max\": 2\n  }\n}\n"
	const otherwise = " differs from what the program writes: a field is missing, null, out of order or spaced differently"
	for _, c := range []struct{ name, data, want string }{
		{"as written", good, ""},
		{"no line end", good[:len(good)-1], "f.json: line 7" + otherwise},
		{"two line ends", good + "\n", "f.json: line 8" + otherwise},
		{"one line", `{"version":1,"header":{"kid":"a","max":2}}`, "f.json: line 1" + otherwise},
		{"other order", "{\n  \"header\": {\n    \"kid\": \"a\",\n    \"max\": 2\n  },\n  \"version\": 1\n}\n",
			"f.json: line 2" + otherwise},
		{"missing", "{\n  \"version\": 1\n}\n", "f.json: line 2" + otherwise},
		{"null", "{\n  \"version\": 1,\n  \"header\": null\n}\n", "f.json: line 3" + otherwise},
		{"exponent", `{"version":1e0}`, "f.json: field version: invalid syntax"},
		{"unknown", `{"extra":1}`, "f.json: unknown field extra"},
	} {
		var v file
		if got := text(Exact("f.json", []byte(c.data), 1000, &v)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestExpect(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"good, and more", `{"type":"byok-x","version":2,"more":[1]}`, ""},
		{"other type", `{"type":"byok-y","version":2}`, `f.json: type is "byok-y", expected "byok-x"`},
		{"no type", `{"version":2}`, `f.json: type is "", expected "byok-x"`},
		{"later", `{"type":"byok-x","version":3,"new":1}`,
			"f.json: version 3 of byok-x, written by a later release; this one reads version 2"},
		{"earlier", `{"type":"byok-x","version":1}`, "f.json: version 1 of byok-x; this release reads version 2"},
		{"no version", `{"type":"byok-x"}`, "f.json: version 0 of byok-x; this release reads version 2"},
		{"twice", `{"type":"byok-x","type":"byok-x"}`, "f.json: field type appears twice"},
		{"number", `{"type":1}`, "f.json: field type: expected a string, not a JSON number"},
		{"array", `[]`, "f.json: field (the whole file): expected an object, not a JSON array"},
		{"other case", `{"Type":"byok-x","version":2}`, `f.json: type is "", expected "byok-x"`},
	} {
		if got := text(Expect("f.json", []byte(c.data), 1000, "byok-x", 2)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// kinds has a field of every kind that the project's files hold.
type kinds struct {
	Text   string         `json:"text"`
	Number int            `json:"number"`
	Truth  bool           `json:"truth"`
	List   []string       `json:"list"`
	Bytes  []byte         `json:"bytes"`
	Object *header        `json:"object"`
	Map    map[string]int `json:"map"`
}

func TestWrongKind(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"text", `{"text":{}}`, "f.json: field text: expected a string, not a JSON object"},
		{"number", `{"number":[]}`, "f.json: field number: expected a number, not a JSON array"},
		{"truth", `{"truth":"yes"}`, "f.json: field truth: expected a boolean, not a JSON string"},
		{"list", `{"list":true}`, "f.json: field list: expected an array, not a JSON boolean"},
		{"bytes", `{"bytes":5}`, "f.json: field bytes: expected a string, not a JSON number"},
		{"object", `{"object":false}`, "f.json: field object: expected an object, not a JSON boolean"},
		{"map", `{"map":"x"}`, "f.json: field map: expected an object, not a JSON string"},
		{"not base64", `{"bytes":"hunter2!"}`, "f.json: field bytes: illegal base64 data at input byte 7"},
	} {
		var v kinds
		if got := text(Unmarshal("f.json", []byte(c.data), 1000, &v)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// TestNotUTF8 holds that what cannot be read back is not written either.
func TestNotUTF8(t *testing.T) {
	v := header{Kid: "a\xff"}
	const want = "f.json: not valid JSON at byte 11, in field kid"
	if data, err := Marshal(v); err == nil {
		t.Errorf("encoded as %q", data)
	}
	if got := text(Same("f.json", nil, v)); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}
