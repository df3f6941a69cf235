//go:build linux

package ceremonytest

import (
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// What judges the programs is judged here: each fault must be found.

func TestMessagesAreJudged(t *testing.T) {
	for text, good := range map[string]bool{
		"":                                  true,
		"p: said\n":                         true,
		"other: said\n":                     false,
		"p: warning: a line\np: the rest\n": true,
		"p: a line that ends with a full stop.\n":     false,
		"p: error: failed although the status is 0\n": false,
	} {
		if err := (outcome{err: text}).checkMessages("p"); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, good := range map[string]bool{
		"":                                       false,
		"p: warning: failed\n":                   false,
		"p: error: failed\n":                     true,
		"panic: failed\n":                        false,
		"p: error: a\nmore\n":                    false,
		"p: error: a\np: b\n":                    false,
		"p: error: failed.\n":                    false,
		"p: error: a\np: hint: b\n":              true,
		"p: error: a\np: error: b\np: hint: c\n": true,
		"p: error: a\np: hint: b\np: hint: c\n":  false,
	} {
		if err := (outcome{status: 2, err: text}).checkMessages("p"); (err == nil) != good {
			t.Errorf("status 2, %q: %v", text, err)
		}
	}
}

func TestEnvelopesAreJudged(t *testing.T) {
	p := process{program: "p", words: []string{"key", "list", "--output", "json"}}
	const failed = `{"command":"key list","result":"FAILURE","status":4,"error":"e","hint":"h"}` + "\n"
	if err := (outcome{status: 4, out: failed, err: "p: error: e\np: hint: h\n"}).checkEnvelope(p); err != nil {
		t.Error(err)
	}
	const done = `{"command":"key list","result":"SUCCESS","status":0,"data":{}}` + "\n"
	if err := (outcome{out: done}).checkEnvelope(p); err != nil {
		t.Error(err)
	}
	for name, o := range map[string]outcome{
		"nothing":         {},
		"text":            {out: "Result: SUCCESS\n"},
		"no line end":     {out: done[:len(done)-1]},
		"two of them":     {out: done + done},
		"a field more":    {out: `{"command":"key list","result":"SUCCESS","status":0,"data":{},"more":1}` + "\n"},
		"no data":         {out: `{"command":"key list","result":"SUCCESS","status":0}` + "\n"},
		"another command": {out: `{"command":"key show","result":"SUCCESS","status":0,"data":{}}` + "\n"},
		"another status":  {status: 5, out: failed, err: "p: error: e\np: hint: h\n"},
		"another result":  {out: `{"command":"key list","result":"FAILURE","status":0,"data":{}}` + "\n"},
		"another error":   {status: 4, out: failed, err: "p: error: f\np: hint: h\n"},
		"another hint":    {status: 4, out: failed, err: "p: error: e\n"},
	} {
		if o.checkEnvelope(p) == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestChangesAreFound(t *testing.T) {
	before := map[string]string{"a": "1", "b": "2"}
	for want, after := range map[string]map[string]string{
		"":          {"a": "1", "b": "2"},
		"gone a":    {"b": "2"},
		"changed b": {"a": "1", "b": "3"},
		"new c":     {"a": "1", "b": "2", "c": "3"},
	} {
		if got := difference(before, after); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSecretsAreFound(t *testing.T) {
	s := &stage{secrets: map[string]string{"pin": "a PIN of the test"}}
	for text, want := range map[string]int{
		"nothing": 0, "so a PIN of the test shows": 1, hex.EncodeToString([]byte("a PIN of the test")): 1, base64.StdEncoding.EncodeToString([]byte("a PIN of the test")): 1,
	} {
		if got := s.secretsIn([]byte(text)); len(got) != want {
			t.Errorf("in %q: %q", text, got)
		}
	}
}
