package misfit

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// Encoding is a way in which Windows tools and copies in text mode spoil a text.
type Encoding struct {
	Name  string
	Spoil func([]byte) []byte
	Says  string // what an error about the text must have in it
}

// CRLF is the name of the encoding that some texts take.
const CRLF = "CR LF"

// Encodings lists them.
func Encodings() []Encoding {
	wide := func(order binary.AppendByteOrder, mark string) func([]byte) []byte {
		return func(text []byte) []byte {
			out := []byte(mark)
			for _, unit := range utf16.Encode([]rune(string(text))) {
				out = order.AppendUint16(out, unit)
			}
			return out
		}
	}
	const utf8 = ", as Windows PowerShell writes it; expected UTF-8 without a byte order mark"
	return []Encoding{
		{"byte order mark", func(text []byte) []byte { return append([]byte("\xef\xbb\xbf"), text...) },
			"it begins with a byte order mark" + utf8},
		{"UTF-16", wide(binary.LittleEndian, "\xff\xfe"), "it is in UTF-16" + utf8},
		{"UTF-16, big endian", wide(binary.BigEndian, "\xfe\xff"), "it is in UTF-16" + utf8},
		{"UTF-16 without a mark", wide(binary.LittleEndian, ""), "it is in UTF-16" + utf8},
		{CRLF, func(text []byte) []byte {
			return bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
		}, "its lines end in CR LF: it was copied in text mode"},
	}
}
