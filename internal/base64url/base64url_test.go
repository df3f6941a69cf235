package base64url

import (
	"bytes"
	"testing"
)

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []byte
	}{
		{"nothing", "", []byte{}},
		{"one byte", "_w", []byte{0xff}},
		{"one byte, padded", "_w==", []byte{0xff}},
		{"two bytes, padded", "-_8=", []byte{0xfb, 0xff}},
		{"three bytes", "-__-", []byte{0xfb, 0xff, 0xfe}},
	} {
		got, err := Decode(c.text)
		if err != nil || !bytes.Equal(got, c.want) {
			t.Errorf("%s: %x, %v", c.name, got, err)
		}
		var b Bytes
		if err := b.UnmarshalText([]byte(c.text)); err != nil || !bytes.Equal(b, c.want) {
			t.Errorf("%s: %x, %v", c.name, b, err)
		}
		text, err := b.MarshalText()
		if err != nil || string(text) != Encode(c.want) {
			t.Errorf("%s: %s, %v", c.name, text, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"base64", "+//+"},
		{"stray bit", "-_9"},
		{"stray bit, padded", "-_9="},
		{"half padded", "_w="},
		{"padding of nothing", "===="},
		{"line end inside", "-_\n_-"},
		{"line end behind", "-__-\n"},
		{"one character", "A"},
	} {
		if got, err := Decode(c.text); err != ErrEncoding || got != nil {
			t.Errorf("%s: %x, %v", c.name, got, err)
		}
		b := Bytes("before")
		if err := b.UnmarshalText([]byte(c.text)); err != ErrEncoding || string(b) != "before" {
			t.Errorf("%s: %x, %v", c.name, b, err)
		}
	}
}
