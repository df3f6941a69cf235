package wire

import (
	"bytes"
	"errors"
	"testing"
)

func TestMessage(t *testing.T) {
	want := []byte{0x43, 0, 2, 1, 2}
	m, err := Parse(want)
	if err != nil || m.Code != GetOpaque || !bytes.Equal(m.Bytes(), want) {
		t.Errorf("got %v, %v", m, err)
	}
	for _, raw := range [][]byte{nil, {1, 0}, {1, 0, 1}, {1, 0, 0, 0}, append([]byte{1, 0x0c, 0x40}, make([]byte, 3136)...)} {
		if _, err := Parse(raw); !errors.Is(err, WrongLength) {
			t.Errorf("%d bytes: got %v", len(raw), err)
		}
	}
	if got := Refusal(ObjectNotFound).Bytes(); !bytes.Equal(got, []byte{0x7f, 0, 1, 0x0b}) {
		t.Errorf("refusal: %x", got)
	}
}

func TestStatus(t *testing.T) {
	if got := InsufficientPermissions.Error(); got != "insufficient permissions" {
		t.Error(got)
	}
	if got := Status(0x99).Error(); got != "status 0x99" {
		t.Error(got)
	}
}

func TestReader(t *testing.T) {
	label := append([]byte("key"), make([]byte, LabelSize-3)...)
	r := NewReader(append([]byte{7, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3}, append(label, 9, 9)...))
	if b, n, c, l := r.Byte(), r.Uint16(), r.Capabilities(), r.Label(); b != 7 || n != 0x102 ||
		c != CanGetOpaque|CanPutOpaque || l != "key" {
		t.Error(b, n, c, l)
	}
	if !r.More() || !errors.Is(r.Done(), WrongLength) || !bytes.Equal(r.Rest(), []byte{9, 9}) || r.Done() != nil {
		t.Error("the last two bytes are left, then nothing")
	}
	if r.Uint16() != 0 || !errors.Is(r.Done(), WrongLength) {
		t.Error("what is missing reads as zero and is not done")
	}
}

func TestCapabilities(t *testing.T) {
	c, err := ParseCapabilities("export-wrapped,put-public-wrap-key")
	if err != nil || c != 0x0040000000001000 {
		t.Errorf("got %x, %v", uint64(c), err)
	}
	if !c.Within(All) || c.Within(CanExportWrapped) || !None.Within(c) {
		t.Error("a set is within a larger one only")
	}
	if _, err := ParseCapabilities("export"); err == nil || err.Error() != `"export" is not a simulated capability` {
		t.Error(err)
	}
}
