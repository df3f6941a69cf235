package transfer

import (
	"bytes"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"byok/internal/base64url"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/printable"
	"byok/internal/strictjson"
)

// Blob is the content of a .byok file: a key wrapped for one KEK. It says
// nothing about the wrapped key; that is what the Manifest is for.
//
// Source: Azure Key Vault, "Bring your own key specification".
type Blob struct {
	KEK kek.ID
	// Generator says which tool and HSM made the blob: one line of at most
	// 255 bytes, informational, possibly empty in another tool's file.
	Generator string
	// Ciphertext is RSA-OAEP (SHA-1, MGF1 with SHA-1, empty label) of an
	// AES-256 key under the KEK, as long as its modulus, then RFC 5649 of the
	// key's PKCS#8 DER (RSA, EC) or raw bytes (AES) under that AES key.
	Ciphertext []byte
}

// The fixed values of a .byok file. The service's enc is this one also for a
// blob made in two steps, without the mechanism of that name.
const (
	schemaVersion = "1.0.0"
	algDirect     = "dir"
	encKeyWrap    = "CKM_RSA_AES_KEY_WRAP"
)

type blobFile struct {
	SchemaVersion string     `json:"schema_version"`
	Header        blobHeader `json:"header"`
	Ciphertext    string     `json:"ciphertext"`
	Generator     string     `json:"generator"`
}

type blobHeader struct {
	KID kek.ID `json:"kid"`
	Alg string `json:"alg"`
	Enc string `json:"enc"`
}

// ErrLegacy is what ParseBlob finds in the binary packages that the nCipher
// toolset made until 2021, which carry the same file name. Nothing can be done
// with one but to package the key again. Test with errors.Is.
var ErrLegacy = errors.New("binary, not JSON: a legacy nCipher transfer package, " +
	"which the service stopped taking in June 2021")

// ParseBlob decodes data, the content of the .byok file called name, from this
// program or another vendor's tool: the ciphertext may carry base64 padding,
// the generator may be missing. The length of the ciphertext depends on the
// KEK; see CheckSize.
func ParseBlob(name string, data []byte) (Blob, error) {
	if err := refuseEncoding(data); err != nil {
		return Blob{}, fmt.Errorf("%s: %w", name, err)
	}
	var file blobFile
	if err := strictjson.Unmarshal(name, data, MaxFile, &file); err != nil {
		return Blob{}, err
	}
	b, err := file.blob()
	if err != nil {
		return Blob{}, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// refuseEncoding names the two kinds of file people bring that a JSON decoder
// would only call invalid.
func refuseEncoding(data []byte) error {
	if err := strictjson.CheckEncoding(data); err != nil {
		return err
	}
	for _, k := range otherKinds {
		if bytes.HasPrefix(data, []byte(k.begins)) {
			return errors.New("not JSON: " + k.is)
		}
	}
	switch {
	case len(data) > 0 && len(bytes.Trim(data, "\x00")) == 0, len(data) > 0 && len(bytes.Trim(data, "\xff")) == 0:
		return errors.New("every byte is the same: the file was not written to the medium in full")
	case !bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) && binary(data):
		return ErrLegacy
	}
	return nil
}

// otherKinds are files that people give the name of a .byok, by how they begin.
// What begins otherwise and is binary is taken for a legacy package, whose form
// has not been published.
var otherKinds = []struct{ begins, is string }{
	{"PK\x03\x04", "a zip file; give the .byok in it"},
	{"\x1f\x8b", "compressed with gzip; give the .byok in it"},
	{"-----BEGIN ", "a PEM file, not a transfer package"},
	{"age-encryption.org/", "encrypted with age"},
	{"%PDF-", "a PDF"},
	{"\x89PNG", "a picture"},
	{"\x30\x82", "DER, such as a bare key or certificate, not a transfer package"},
	{"<!", "a web page, such as a portal sends instead of a download"},
	{"<html", "a web page, such as a portal sends instead of a download"},
	{"<?xml", "XML, not a transfer package"},
}

func binary(data []byte) bool {
	control := func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }
	return !utf8.Valid(data) || bytes.IndexFunc(data, control) >= 0
}

func (f blobFile) blob() (Blob, error) {
	switch {
	case f.SchemaVersion != schemaVersion:
		return Blob{}, fmt.Errorf("field schema_version: expected %q", schemaVersion)
	case f.Header.KID.IsZero():
		return Blob{}, errors.New("field header.kid is missing")
	case f.Header.Alg != algDirect:
		return Blob{}, fmt.Errorf("field header.alg: expected %q", algDirect)
	case f.Header.Enc != encKeyWrap:
		return Blob{}, fmt.Errorf("field header.enc: expected %q", encKeyWrap)
	}
	ciphertext, err := base64url.Decode(f.Ciphertext)
	if err != nil {
		return Blob{}, fmt.Errorf("field ciphertext: %w", err)
	}
	b := Blob{KEK: f.Header.KID, Generator: f.Generator, Ciphertext: ciphertext}
	return b, b.check()
}

// check checks what is true for every KEK: the smallest blob is an AES-128 key
// under a 2048-bit KEK, and both of its parts come in multiples of 8 bytes.
func (b Blob) check() error {
	if err := b.KEK.Check(); err != nil {
		return fmt.Errorf("field header.kid: %w", err)
	}
	if len(b.Generator) > maxGenerator || !printable.Is(b.Generator) {
		return errors.New("field generator: expected one line of at most 255 bytes")
	}
	if n := len(b.Ciphertext); n < 256+minWrapped || n%8 != 0 {
		return LengthError(n)
	}
	return nil
}

// LengthError is the length in bytes of a ciphertext that is too short, or no
// multiple of 8.
type LengthError int

// Error implements error.
func (n LengthError) Error() string {
	return fmt.Sprintf("field ciphertext: %d bytes are not a %s, which has at least %d and a multiple of 8", int(n),
		encKeyWrap, 256+minWrapped)
}

// Marshal encodes b as the service's JSON, the ciphertext without padding. The
// same blob always gives the same bytes, and [ParseBlob] returns b again.
func (b Blob) Marshal() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, fmt.Errorf("transfer blob: %w", err)
	}
	return strictjson.Marshal(blobFile{
		SchemaVersion: schemaVersion,
		Header:        blobHeader{KID: b.KEK, Alg: algDirect, Enc: encKeyWrap},
		Ciphertext:    base64url.Encode(b.Ciphertext),
		Generator:     b.Generator,
	})
}

// minWrapped is RFC 5649 of the shortest key the service takes, AES-128: the
// 8 bytes of its header and 16 bytes of key.
const minWrapped = 8 + 16

// CheckSize fails unless the ciphertext can be a key wrapped under a KEK of
// kekBits bits (2048, 3072 or 4096): its modulus in bytes, then an RFC 5649
// wrapping, of at least 24 bytes and in multiples of 8.
func (b Blob) CheckSize(kekBits int) error {
	if _, err := keykind.Lookup(keykind.RSA, kekBits, ""); err != nil {
		return fmt.Errorf("KEK: %v", err)
	}
	if wrapped := len(b.Ciphertext) - kekBits/8; wrapped < minWrapped || wrapped%8 != 0 {
		const expected = "under a KEK of %d bits it has %d and a wrapped key of at least %d, in multiples of 8"
		return fmt.Errorf("ciphertext of %d bytes: "+expected, len(b.Ciphertext), kekBits, kekBits/8, minWrapped)
	}
	return nil
}
