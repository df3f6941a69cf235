package transfer_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"byok/internal/kek"
	"byok/internal/transfer"
)

func TestParseBlob(t *testing.T) {
	for _, path := range vectors(t, "blob/valid/*.byok") {
		data := read(t, path)
		b, err := transfer.ParseBlob(path, data)
		if err != nil {
			t.Error(err)
			continue
		}
		again, err := b.Marshal()
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if strings.HasPrefix(filepath.Base(path), "canonical") && !bytes.Equal(again, data) {
			t.Errorf("%s re-encodes otherwise:\n%s", path, again)
		}
		if back, err := transfer.ParseBlob(path, again); err != nil || !reflect.DeepEqual(back, b) {
			t.Errorf("%s: the canonical form does not parse back: %v", path, err)
		}
	}
}

func TestBlobSpellingsAreOneBlob(t *testing.T) {
	want := must(transfer.ParseBlob("a", read(t, "testdata/blob/valid/canonical.byok")))(t)
	generator := "byok-offline 1.0.0; SoftHSM v2 2.6"
	if want.KEK.String() != kid || len(want.Ciphertext) != 256+40 || want.Generator != generator {
		t.Errorf("%+v", want)
	}
	for _, name := range []string{"padded", "one-line", "other-order", "host-in-capitals"} {
		b := must(transfer.ParseBlob(name, read(t, "testdata/blob/valid/"+name+".byok")))(t)
		if !reflect.DeepEqual(b, want) {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

func TestParseBlobRefuses(t *testing.T) {
	for _, path := range vectors(t, "blob/invalid/*.byok") {
		b, err := transfer.ParseBlob("usb/key.byok", read(t, path))
		refused(t, path, err, "usb/key.byok: "+wanted(t, path))
		if b.Ciphertext != nil {
			t.Errorf("%s: gives a blob beside its error", path)
		}
		if legacy := strings.HasPrefix(filepath.Base(path), "legacy"); errors.Is(err, transfer.ErrLegacy) != legacy {
			t.Errorf("%s: transfer.ErrLegacy is %t", path, !legacy)
		}
	}
}

func TestBlobMarshalRefuses(t *testing.T) {
	good := must(transfer.ParseBlob("a", read(t, "testdata/blob/valid/canonical.byok")))(t)
	for name, c := range map[string]struct {
		change func(*transfer.Blob)
		want   string
	}{
		"no KEK": {func(b *transfer.Blob) { b.KEK = kek.ID{} },
			`transfer blob: field header.kid: key identifier "/keys//": it does not begin with https://`},
		"KEK in another spelling": {func(b *transfer.Blob) { b.KEK.Vault = "https://Contoso.vault.azure.net:443" },
			`transfer blob: field header.kid: key identifier "` +
				strings.Replace(kid, "contoso.vault.azure.net", "Contoso.vault.azure.net:443", 1) +
				`": the usual spelling is "` + kid + `"`},
		"generator": {func(b *transfer.Blob) { b.Generator = "a\x00" },
			`transfer blob: field generator: expected one line of at most 255 bytes`},
		"ciphertext": {func(b *transfer.Blob) { b.Ciphertext = b.Ciphertext[:272] },
			"transfer blob: field ciphertext: 272 bytes are not a CKM_RSA_AES_KEY_WRAP, " +
				"which has at least 280 and a multiple of 8"},
	} {
		b := good
		c.change(&b)
		_, err := b.Marshal()
		refused(t, name, err, c.want)
	}
}

func TestCheckSize(t *testing.T) {
	const atLeast = " and a wrapped key of at least 24, in multiples of 8"
	for _, c := range []struct {
		kek, ciphertext int
		want            string
	}{
		{2048, 256 + 24, ""}, {2048, 256 + 40, ""}, {3072, 384 + 144, ""}, {4096, 512 + 2400, ""},
		{2048, 256 + 16, "ciphertext of 272 bytes: under a KEK of 2048 bits it has 256" + atLeast},
		{3072, 256 + 40, "ciphertext of 296 bytes: under a KEK of 3072 bits it has 384" + atLeast},
		{4096, 512 + 41, "ciphertext of 553 bytes: under a KEK of 4096 bits it has 512" + atLeast},
		{2048, 256 + 28, "ciphertext of 284 bytes: under a KEK of 2048 bits it has 256" + atLeast},
		{4096, 0, "ciphertext of 0 bytes: under a KEK of 4096 bits it has 512" + atLeast},
		{1024, 128 + 40, "KEK: RSA key of 1024 bits: expected 2048, 3072 or 4096"},
		{0, 40, "KEK: RSA key of 0 bits: expected 2048, 3072 or 4096"},
	} {
		err := transfer.Blob{Ciphertext: make([]byte, c.ciphertext)}.CheckSize(c.kek)
		if c.want != "" {
			refused(t, "size", err, c.want)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// TestOtherKinds: what is no transfer package is called what it is, and not a
// legacy package.
func TestOtherKinds(t *testing.T) {
	good, all := 0, 0
	for begins, want := range map[string]string{
		"PK\x03\x04\x14\x00":               "not JSON: a zip file; give the .byok in it",
		"\x1f\x8b\x08":                     "not JSON: compressed with gzip; give the .byok in it",
		"-----BEGIN PUBLIC":                "not JSON: a PEM file, not a transfer package",
		"age-encryption.org/v1\n-> scrypt": "not JSON: encrypted with age",
		"%PDF-1.7\n\x00":                   "not JSON: a PDF",
		"\x89PNG\r\n\x1a\n":                "not JSON: a picture",
		"\x30\x82\x04\xbc":                 "not JSON: DER, such as a bare key or certificate, not a transfer package",
		"<!DOCTYPE html>":                  "not JSON: a web page, such as a portal sends instead of a download",
		"<?xml version":                    "not JSON: XML, not a transfer package",
		"<\x00":                            transfer.ErrLegacy.Error(),
		"\xff\xff\xff":                     "every byte is the same: the file was not written to the medium in full",
		"\x00\x00\x00\x00":                 "every byte is the same: the file was not written to the medium in full",
		"\x00\x00\x00\x01":                 transfer.ErrLegacy.Error(),
	} {
		_, strict := transfer.ParseBlob("k.byok", []byte(begins))
		_, _, lenient := transfer.ParseForeign("k.byok", []byte(begins))
		for _, err := range []error{strict, lenient} {
			all++
			if err == nil || err.Error() != "k.byok: "+want {
				t.Errorf("%q: %v, want %s", begins, err, want)
				continue
			}
			good++
		}
	}
	t.Logf("files of other kinds: %d of %d", good, all)
}
