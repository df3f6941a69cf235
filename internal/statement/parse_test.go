package statement_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

func TestParse(t *testing.T) {
	w := world(t)
	for _, e := range w.Chain.Entries() {
		s := must(statement.Parse("s", e.Data))(t)
		if again := must(statement.Encode(s))(t); string(again) != string(e.Data) {
			t.Errorf("%v encodes otherwise", e)
		}
		if h := statement.HeaderOf(s); h.Number != e.Number() {
			t.Errorf("%v: number %d", e, h.Number)
		}
	}
	for name, c := range map[string]struct {
		data string
		code exitcode.Code
		want string
	}{
		"not JSON": {"x", exitcode.Usage, "s: not valid JSON at byte 0"},
		"a key":    {`{"type":"byok-key"}`, exitcode.Usage, `s: type "byok-key" is not a statement type`},
		"a later one": {`{"type":"byok-seal","version":2}`, exitcode.Check,
			"s: version 2 of byok-seal, " + "written by a later release; this one reads version 1"},
		"a seal alone": {`{"type":"byok-seal","version":1}`, exitcode.Check, "s: field time: a time is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := statement.Parse("s", []byte(c.data))
			refused(t, err, c.code, c.want)
		})
	}
}

func TestParseAs(t *testing.T) {
	data := world(t).Chain.Entries()[seal-1].Data
	if s := must(statement.ParseAs("s", statement.TypeSeal, data))(t); statement.Name(s) != "seal" {
		t.Errorf("%+v", s)
	}
	_, err := statement.ParseAs("s", statement.TypeOrigin, data)
	refused(t, err, exitcode.Check, `s: type is "byok-seal", expected "byok-origin"`)
	_, err = statement.ParseAs("s", "byok-key", []byte(`{"type":"byok-key","version":0}`))
	refused(t, err, exitcode.Usage, `s: type "byok-key" is not a statement type`)
	_, err = statement.ParseAs("s", statement.TypeSeal, bytes.Replace(data, []byte(": 1,"), []byte(":1,"), 1))
	refused(t, err, exitcode.Check,
		"s: line 3 differs from what the program writes: a field is missing, null, out of order or spaced differently")
}

// A header is set with the type and version of its statement, whatever it says.
func TestSetHeader(t *testing.T) {
	var s statement.Origin
	statement.SetHeader(&s, statement.Header{Type: statement.TypeSeal, Version: 9, Number: 7})
	if h := statement.HeaderOf(&s); h.Type != statement.TypeOrigin || h.Version != 1 || h.Number != 7 {
		t.Errorf("%+v", h)
	}
}

func FuzzParse(f *testing.F) {
	for _, e := range world(f).Chain.Entries() {
		f.Add(e.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := statement.Parse("s", data)
		if err != nil {
			return
		}
		if again, err := statement.Encode(s); err != nil || string(again) != string(data) {
			t.Fatalf("encodes otherwise: %v\n%s", err, again)
		}
	})
}

// The largest authorization fits into a file: fifty RSA-4096 keys, each for an
// attested KEK with every rule's finding.
func TestLargestAuthorization(t *testing.T) {
	a := example(t, approval).(*statement.Authorization)
	key := must(softworld.NewKey(must(keykind.Parse("RSA-4096"))(t)))(t)
	p := a.Pairs[0]
	p.Identity, p.Ident = key.Identity, strings.Repeat("a", 72)
	p.PlainName, p.Target.Name = strings.Repeat("a", 127), strings.Repeat("a", 127)
	p.KEK.Attestation = slices.Repeat([]statement.Rule{{Rule: "KEK-ATTRIBUTES", OK: true,
		Detail: strings.Repeat("detail ", 20)}}, 30)
	a.Pairs = nil
	for i := range statement.MaxPairs {
		p.Wrapped = fingerprint.Of([]byte{byte(i)})
		a.Pairs = append(a.Pairs, p)
	}
	data := must(statement.Encode(a))(t)
	if len(data) > statement.MaxFile/2 {
		t.Errorf("%d bytes", len(data))
	}
}
