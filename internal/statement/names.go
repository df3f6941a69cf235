package statement

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/printable"
)

var moduleID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// CheckModuleID accepts a module id: 16 bytes as lower-case hex digits.
func CheckModuleID(id string) error {
	if !moduleID.MatchString(id) {
		return errors.New("field module: expected 32 lower-case hex digits")
	}
	return nil
}

// Labels of the world's own objects on a token. The module id keeps the
// objects of one world apart from those of another.

// KMLLabel is the label of the module signing key.
func KMLLabel(module string) string { return "byok-kml-" + module }

// KMLabel is the label of the module key of a card set.
func KMLabel(module string, set int) string { return fmt.Sprintf("byok-km-%s-%d", module, set) }

// KWLabel is the label of the resident wrapping key of a card set.
func KWLabel(module string, set int) string { return fmt.Sprintf("byok-kw-%s-%d", module, set) }

// CheckPlainName refuses a key's name for people that is not one line of 1 to 127
// bytes of printable text.
func CheckPlainName(name string) error {
	if err := printable.Check(name, 127); err != nil {
		return fmt.Errorf("field plainname: %w", err)
	}
	return nil
}

// CheckIdent refuses a key identifier that does not fit a key file's name.
func CheckIdent(ident string) error {
	return exitcode.Mark(exitcode.Usage, keykind.CheckIdent(ident))
}

// maxLabel is the room for a token's label in bytes (CK_TOKEN_INFO, PKCS#11
// v2.40, section 3.2).
const maxLabel = 32

// CheckLabel keeps a token label within 32 bytes of printable text, without blanks
// at its ends.
func CheckLabel(label string) error {
	if label == "" || len(label) > maxLabel || !utf8.ValidString(label) {
		return exitcode.Errorf(exitcode.Usage, "label %.80q: expected 1 to %d bytes of text", label, maxLabel)
	}
	if strings.TrimSpace(label) != label { // a token pads its label with blanks
		return exitcode.Errorf(exitcode.Usage, "label %.80q: a token's label neither begins nor ends with a blank", label)
	}
	for _, r := range label {
		if !unicode.IsPrint(r) {
			return exitcode.Errorf(exitcode.Usage, "label %.80q: only printable characters are allowed", label)
		}
	}
	return nil
}

// NewModuleID draws the 16 random bytes that name a module, in hex.
func NewModuleID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // crypto/rand.Read never fails (Go 1.24)
	return hex.EncodeToString(id)
}
