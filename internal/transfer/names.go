package transfer

import (
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxFile is the size in bytes above which no file of a transfer package is
// read: the largest, the blob of an RSA-4096 key under a 4096-bit KEK, has 4 KiB.
const MaxFile = 64 << 10

// FileNames are the four files of one transfer package. They lie in one
// folder. An AES key has no Possession file: it signs nothing.
type FileNames struct {
	Blob       string // .byok
	Manifest   string // .manifest.json
	Signature  string // .manifest.sig: KNSO over the manifest file
	Possession string // .pop.sig: the transferred key over the manifest file
}

// Names gives the file names of the package for the key that shall be called
// friendly in the vault: KeyTransferPackage-<friendly>.byok and its companions.
// It fails for a name the service would refuse (see CheckName).
func Names(friendly string) (FileNames, error) {
	if err := CheckName(friendly); err != nil {
		return FileNames{}, err
	}
	return namesOf("KeyTransferPackage-" + friendly), nil
}

// NamesFor gives the files that belong to the .byok file at blobPath, in its
// folder, whichever tool named it.
func NamesFor(blobPath string) (FileNames, error) {
	stem, found := strings.CutSuffix(blobPath, ".byok")
	if !found || filepath.Base(blobPath) == ".byok" {
		return FileNames{}, fmt.Errorf("%s: the name of a transfer package ends in .byok", blobPath)
	}
	return namesOf(stem), nil
}

func namesOf(stem string) FileNames {
	return FileNames{
		Blob:       stem + ".byok",
		Manifest:   stem + ".manifest.json",
		Signature:  stem + ".manifest.sig",
		Possession: stem + ".pop.sig",
	}
}

var (
	nameShape = regexp.MustCompile(`^[0-9a-zA-Z-]{1,127}$`)
	hexDigits = regexp.MustCompile(`^[0-9a-f]+$`)
)

// CheckName fails for a key name the service would refuse. Names have 1 to 127
// characters of 0-9, a-z, A-Z and the dash (Key Vault, "Object identifiers").
func CheckName(name string) error {
	if !nameShape.MatchString(name) {
		return fmt.Errorf("key name %.200q: 1 to 127 digits, letters and dashes are allowed", name)
	}
	return nil
}

// printable tells whether s is text of one line that cannot steer a terminal.
func printable(s string, maxBytes int) bool {
	if len(s) > maxBytes || !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// Digest is a SHA-256 value. In JSON it is 64 lower-case hex digits.
type Digest [32]byte

// String gives 64 lower-case hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// MarshalText implements encoding.TextMarshaler.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It takes the one spelling
// that String gives.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != 2*len(d) || !hexDigits.Match(text) {
		return errors.New("a SHA-256 has 64 lower-case hex digits")
	}
	_, err := hex.Decode(d[:], text)
	return err
}
