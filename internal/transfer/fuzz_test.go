package transfer

import (
	"bytes"
	"reflect"
	"testing"
)

// The corpus of each fuzz test is the folder of its vectors.

func FuzzParseBlob(f *testing.F) {
	for _, path := range append(vectors(f, "blob/valid/*.byok"), vectors(f, "blob/invalid/*.byok")...) {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBlob("f", data)
		if err != nil {
			return
		}
		canonical, err := b.Marshal()
		if err != nil {
			t.Fatalf("what parses does not encode: %v", err)
		}
		again, err := ParseBlob("f", canonical)
		if err != nil || !reflect.DeepEqual(again, b) {
			t.Fatalf("%+v is then %+v, %v", b, again, err)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	for _, path := range append(vectors(f, "manifest/valid/*.json"), vectors(f, "manifest/invalid/*.json")...) {
		f.Add(read(f, path))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest("f", data)
		if err != nil {
			return
		}
		if again, err := m.Marshal(); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("re-encodes otherwise: %v\n%s", err, again)
		}
	})
}
