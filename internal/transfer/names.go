package transfer

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"byok/internal/kek"
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
// It fails for a name the service would refuse (see [kek.CheckName]).
func Names(friendly string) (FileNames, error) {
	if err := kek.CheckName(friendly); err != nil {
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

var hexDigits = regexp.MustCompile(`^[0-9a-f]+$`)

// printable tells whether s is text of one line that cannot steer a terminal.
func printable(s string, maxBytes int) bool {
	if len(s) > maxBytes || !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}
