package attest

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shapes are claims of every shape that has an encoding.
func shapes(t testing.TB) map[string]Claims {
	f := newFixture(t)
	two, gaps := f.claims, NewClaims(Firmware3, f.kek.KID, &testKeys()[kekKey].PublicKey, f.kek.KeyOps)
	f.firmware3()
	three := f.claims
	gaps.Code, gaps.Lead, gaps.Tail = 7, nil, []byte("tail")
	second := publicClaims(Firmware3, f).Objects[0]
	second.Gap = []byte("gap")
	gaps.Objects = append(gaps.Objects, second)
	gaps.Objects[0].Gap = []byte{0}
	return map[string]Claims{"firmware 2": two, "firmware 3": three, "pair with gaps": gaps}
}

func TestMarshalParse(t *testing.T) {
	for name, s := range shapes(t) {
		blob := sign(t, s, testKeys()[partitionKey])
		again, signature, err := Parse(blob)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, err := again.Marshal()
		if err != nil || !bytes.Equal(append(body, signature...), blob) || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", s) {
			t.Errorf("%s: %v\n%+v\n%+v", name, err, again, s)
		}
	}
	a, _ := genuineParts(t)
	s, signature, err := Parse(a.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := s.Marshal(); err != nil || !bytes.Equal(append(body, signature...), a.PrivateKey) {
		t.Errorf("the genuine claims are not encoded as they were: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	all := shapes(t)
	two, three := sign(t, all["firmware 2"], testKeys()[partitionKey]), sign(t, all["firmware 3"], testKeys()[partitionKey])
	pair := sign(t, all["pair with gaps"], testKeys()[partitionKey])
	patch := func(blob []byte, at int, with ...byte) []byte {
		blob = bytes.Clone(blob)
		copy(blob[at:], with)
		return blob
	}
	for name, c := range map[string]struct {
		blob []byte
		want string
	}{
		"empty":        {nil, "0 bytes cannot be an attestation"},
		"short":        {two[:287], "287 bytes cannot be an attestation"},
		"long":         {make([]byte, MaxBlob+1), "65537 bytes cannot be an attestation"},
		"count":        {patch(two, 24, 0xff, 0xff, 0xff, 0xff), "4294967295 attributes do not fit in it"},
		"one more":     {patch(two, 24, 0, 0, 0, 100), "attribute class (0x0000) appears twice"},
		"length":       {patch(two, 36, 0xff, 0xff, 0xff, 0xff), "attribute class (0x0000) is longer than what is left"},
		"twice":        {patch(two, 32+9, 0, 0, 0, 0), "attribute class (0x0000) appears twice"},
		"total":        {patch(three, 8, 0, 0, 0, 1), "the sizes in its header do not match its length"},
		"buffer":       {patch(three, 12, 0, 0, 0, 7), "the sizes in its header do not match its length"},
		"buffer over":  {patch(three, 12, 0, 1, 0, 0), "the sizes in its header do not match its length"},
		"cut":          {three[1:], "the sizes in its header do not match its length"},
		"first offset": {patch(three, 32+4, 0, 7), "no object can begin at offset 7"},
		"no object":    {patch(three, 32+4, 0, 0), "no object can begin at offset 0"},
		"offset over":  {patch(three, 32+4, 0xff, 0xff), "no object can begin at offset 65535"},
		"overlap":      {patch(pair, 16+6, 0, 9), "no object can begin at offset 9"},
		"second at the end": {patch(three, 32+6, byte((len(three)-256-32-4)>>8), byte(len(three)-256-32-4)),
			fmt.Sprintf("no object can begin at offset %d", len(three)-256-32-4)},
	} {
		if _, _, err := Parse(c.blob); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
	object := Object{Attributes: []Attribute{{AttrClass, []byte{3}}}}.append(nil)
	if _, _, err := parseObject(object[:objectSize-1]); err == nil || err.Error() != "cut short in the header of an object" {
		t.Error(err)
	}
	object[7] = 2 // attributes, and 7 bytes for the second
	if _, _, err := parseObject(append(object, make([]byte, 7)...)); err == nil || err.Error() != "cut short in an attribute" {
		t.Error(err)
	}
}

func TestMarshalRefuses(t *testing.T) {
	good := shapes(t)
	for name, c := range map[string]struct {
		change func() Claims
		want   string
	}{
		"no object":      {func() Claims { s := good["firmware 3"]; s.Objects = nil; return s }, "claims of this shape have no encoding"},
		"no layout":      {func() Claims { s := good["firmware 3"]; s.Layout = 0; return s }, "claims of this shape have no encoding"},
		"two objects":    {func() Claims { s := good["pair with gaps"]; s.Layout = Firmware2; return s }, "claims of this shape have no encoding"},
		"lead":           {func() Claims { s := good["firmware 2"]; s.Lead = nil; return s }, "claims of this shape have no encoding"},
		"beyond offsets": {func() Claims { s := good["firmware 3"]; s.Objects = []Object{{Gap: make([]byte, 1<<16)}}; return s }, "an object beyond offset 65535"},
		"too long":       {func() Claims { s := good["firmware 3"]; s.Tail = make([]byte, MaxBlob); return s }, "more than the 65536 bytes of an attestation"},
	} {
		if _, err := Sign(c.change(), testKeys()[partitionKey]); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Sign(good["firmware 2"], small); err == nil || err.Error() != "a partition's key has 2048 bits, not 1024" {
		t.Error(err)
	}
}

// TestElsewhere reads the claims with Python, by the offsets of the
// vendor's own scripts.
func TestElsewhere(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Fatal("python3 is needed to judge this package: apt-get install python3")
	}
	for name, s := range shapes(t) {
		path := filepath.Join(t.TempDir(), "statement")
		if err := os.WriteFile(path, sign(t, s, testKeys()[partitionKey]), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("python3", "testdata/parse.py", path).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		var got [][]Attribute
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var want [][]Attribute
		for _, o := range s.Objects {
			want = append(want, o.Attributes)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n%v\nwant\n%v", name, got, want)
		}
	}
}

// TestNewClaimsUsage follows the key operations of any key.
func TestNewClaimsUsage(t *testing.T) {
	f := newFixture(t)
	s := NewClaims(Firmware2, f.kek.KID, &testKeys()[kekKey].PublicKey, []string{"decrypt", "sign", "unwrapKey", "verify"})
	for _, a := range []AttributeType{AttrDecrypt, AttrSign, AttrUnwrap} {
		if err := s.Objects[0].require(true, a); err != nil {
			t.Error(err)
		}
	}
	if err := s.Objects[0].require(false, AttrVerify, AttrEncrypt, AttrWrap, AttrDerive); err != nil {
		t.Error(err)
	}
	f.kek.KID.Name = strings.Repeat("k", 127)
	s = NewClaims(Firmware2, f.kek.KID, &testKeys()[kekKey].PublicKey, nil)
	if id, err := s.Objects[0].id(); err != nil || "https://localhost:8443"+id != f.kek.KID.String() {
		t.Errorf("%s, %v", id, err)
	}
}

// TestFileShapes finds the attestation at each depth, in each alphabet.
func TestFileShapes(t *testing.T) {
	a, _ := genuineParts(t)
	alone := string(bare(t, a))
	for name, data := range map[string]string{
		"bare":       alone,
		"attested":   `{"attestation":` + alone + `}`,
		"attributes": `{"attributes":{"enabled":true,"attestation":` + alone + `},"tags":{}}`,
		"no padding": strings.ReplaceAll(alone, "=", ""),
		"base64url":  strings.NewReplacer("+", "-", "/", "_").Replace(alone),
	} {
		if _, err := CheckFile("f", []byte(data), at("2025-07-01")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	a, _ := genuineParts(f)
	f.Add([]byte(a.PrivateKey))
	for _, s := range shapes(f) {
		f.Add(sign(f, s, testKeys()[partitionKey]))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, signature, err := Parse(data)
		if err != nil {
			return
		}
		if body, err := s.Marshal(); err != nil || !bytes.Equal(append(body, signature...), data) {
			t.Fatalf("%v", err)
		}
	})
}

// FuzzCheckFile: only the bytes of the genuine attestation are genuine.
func FuzzCheckFile(f *testing.F) {
	a, _ := genuineParts(f)
	f.Add(genuine(f))
	f.Add(bare(f, a))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := CheckFile("f", data, at("2025-07-01"))
		if again, _, parsing := parseFile("f", data); err == nil && (parsing != nil || !bytes.Equal(again.PrivateKey, a.PrivateKey)) {
			t.Fatalf("accepted: %+v", v)
		}
	})
}
