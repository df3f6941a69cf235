// Package base64url is the one form in which JSON carries bytes for Azure Key
// Vault: base64url (RFC 4648, section 5) without padding.
//
// Use [Bytes] for a field of a JSON file or request, [Encode] and [Decode]
// elsewhere. Do not use encoding/base64 for it: the standard decoder skips
// line ends and ignores stray bits in the last character, so that one value
// would have many spellings.
package base64url

import (
	"encoding/base64"
	"errors"
)

// ErrEncoding is the error for text that is not base64url.
var ErrEncoding = errors.New("not base64url (RFC 4648, section 5)")

// Bytes is a JSON string of base64url.
type Bytes []byte

// MarshalText implements encoding.TextMarshaler, as [Encode].
func (b Bytes) MarshalText() ([]byte, error) { return []byte(Encode(b)), nil }

// UnmarshalText implements encoding.TextUnmarshaler, as [Decode].
func (b *Bytes) UnmarshalText(text []byte) error {
	data, err := Decode(string(text))
	if err != nil {
		return err
	}
	*b = data
	return nil
}

// Encode returns data in base64url without padding.
func Encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

// Decode reads base64url with full padding or without any, because the makers
// of .byok files differ, and nothing else. A file that must have one spelling
// is compared with what it encodes to. The error is [ErrEncoding].
func Decode(text string) ([]byte, error) {
	for _, encoding := range []*base64.Encoding{base64.RawURLEncoding, base64.URLEncoding} {
		data, err := encoding.DecodeString(text)
		if err == nil && encoding.EncodeToString(data) == text {
			return data, nil
		}
	}
	return nil, ErrEncoding
}
