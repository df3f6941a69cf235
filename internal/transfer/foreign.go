package transfer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"byok/internal/base64url"
	"byok/internal/strictjson"
)

// ParseForeign is [ParseBlob] for a .byok file of another vendor's tool that
// departs from the specification in ways that leave no doubt about what is meant:
// a ciphertext in standard base64 (RFC 4648, section 4) or broken into lines,
// and fields that the specification does not have. Each departure is a clause
// that a warning can name. [Blob.Marshal] writes the blob as the specification
// does.
func ParseForeign(name string, data []byte) (b Blob, departures []string, err error) {
	if err := refuseEncoding(data); err != nil {
		return Blob{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	var file map[string]any
	if err := strictjson.Unmarshal(name, data, MaxFile, &file); err != nil {
		return Blob{}, nil, err
	}
	if text, ok := file["ciphertext"].(string); ok {
		file["ciphertext"], departures = urlAlphabet(text)
	}
	extra := prune(file, "", "schema_version", "header", "ciphertext", "generator")
	if header, ok := file["header"].(map[string]any); ok {
		extra = append(extra, prune(header, "header.", "kid", "alg", "enc")...)
	}
	if len(extra) > 0 {
		slices.Sort(extra)
		departures = append(departures, fmt.Sprintf("it has fields that the specification does not: %.200s",
			strings.Join(extra, ", ")))
	}
	plain, err := strictjson.Marshal(file)
	if err != nil {
		return Blob{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	if b, err = ParseBlob(name, plain); err != nil {
		return Blob{}, nil, err
	}
	return b, departures, nil
}

// prune takes all but the known fields out of an object, and returns their
// names, quoted.
func prune(object map[string]any, prefix string, known ...string) (extra []string) {
	for name := range object {
		if !slices.Contains(known, name) {
			extra = append(extra, strconv.Quote(prefix+name))
			delete(object, name)
		}
	}
	return extra
}

// urlAlphabet turns base64 of either alphabet, in one line or several, into
// base64url in one line.
func urlAlphabet(text string) (one string, departures []string) {
	one = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	if one != text {
		departures = append(departures, "its ciphertext is broken into lines")
	}
	// A text of both alphabets is of neither.
	if strings.ContainsAny(one, "+/") && !strings.ContainsAny(one, "-_") {
		one = strings.NewReplacer("+", "-", "/", "_").Replace(one)
		departures = append(departures, "its ciphertext is in standard base64 instead of base64url")
	}
	if _, err := base64url.Decode(one); err != nil {
		return text, nil // what ParseBlob says of it holds
	}
	return one, departures
}
