package world

import (
	"fmt"
	"path/filepath"
	"regexp"
	"unicode"
	"unicode/utf8"

	"byok/internal/exitcode"
	"byok/internal/hsm"
)

// Applications that a key file can belong to, as in the seed procedure: the
// key itself, and its copy with reduced permissions.
const (
	Simple   = "simple"
	Transfer = "xferacld"
)

// maxAppIdent is the legacy tool's limit on application and identifier together.
const maxAppIdent = 80

// Labels of the world's own objects on the token.
const (
	moduleKeyLabel  = "byok-km"
	signingKeyLabel = "byok-knso"
)

var identPattern = regexp.MustCompile(`^[0-9a-z-]+$`)

// CheckIdent refuses a key identifier that the seed procedure would refuse:
// digits, dashes and lower-case letters; with its application at most 80 characters.
func CheckIdent(ident string) error {
	if ident == "" {
		return exitcode.Errorf(exitcode.Usage, "the key identifier is empty")
	}
	if !identPattern.MatchString(ident) {
		return exitcode.Errorf(exitcode.Usage, "key identifier %q: only digits, dashes and lower-case letters are allowed", ident)
	}
	if n := len(Transfer) + len(ident); n > maxAppIdent {
		return exitcode.Errorf(exitcode.Usage, "key identifier %q: with its application it has %d characters, at most %d are allowed", ident, n, maxAppIdent)
	}
	return nil
}

// checkLabel keeps a token label within CK_TOKEN_INFO's 32 bytes of printable text.
func checkLabel(label string) error {
	if label == "" || len(label) > hsm.MaxLabel || !utf8.ValidString(label) {
		return exitcode.Errorf(exitcode.Usage, "label %q: 1 to %d bytes of text are expected", label, hsm.MaxLabel)
	}
	for _, r := range label {
		if !unicode.IsPrint(r) {
			return exitcode.Errorf(exitcode.Usage, "label %q: only printable characters are allowed", label)
		}
	}
	return nil
}

// keyName is both a key file's name and the label of its key on the token.
func keyName(app, ident string) string { return fmt.Sprintf("key_%s_%s", app, ident) }

func kekLabel(ident string) string      { return "byok-kek_" + ident }
func transferLabel(ident string) string { return "byok-transfer_" + ident }

// local is the folder of world and key files inside a kmdata folder.
func local(kmdata string) string { return filepath.Join(kmdata, "local") }
