package secret

import (
	"encoding/json"
	"fmt"
	"testing"
)

func TestNeverPrinted(t *testing.T) {
	s := Take([]byte("hunter2"))
	defer s.Wipe()
	holder := struct{ PIN *Bytes }{s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, s); got != "[secret]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
	if got := fmt.Sprintf("%v", holder); got != "{[secret]}" {
		t.Errorf("inside a struct: %q", got)
	}
	if out, err := json.Marshal(holder); err == nil {
		t.Errorf("encoded as %s", out)
	}
}

func TestTakeMovesAndWipeEmpties(t *testing.T) {
	src := []byte("passphrase")
	s := Take(src)
	if string(src) != "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("the source still holds %q", src)
	}
	if s.Text() != "passphrase" || s.Len() != 10 {
		t.Errorf("took %q", s.Text())
	}
	s.Wipe()
	s.Wipe()
	if s.Len() != 0 || s.Text() != "" {
		t.Error("something is left after Wipe")
	}
	var none *Bytes
	none.Wipe()
	if none.Len() != 0 || !none.Equal(Take(nil)) {
		t.Error("nil is not an empty secret")
	}
}

func TestEqual(t *testing.T) {
	a, b, c := Take([]byte("same")), Take([]byte("same")), Take([]byte("other"))
	if !a.Equal(b) || a.Equal(c) {
		t.Error("Equal is wrong")
	}
}
