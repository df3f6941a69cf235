package transfer

import (
	"fmt"
	"path/filepath"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/kek"
)

// MaxFile is the size in bytes above which no .byok file and no manifest is
// read: the largest, the blob of an RSA-4096 key under a 4096-bit KEK, has
// 4 KiB. Statements may have [kmdata.MaxFile].
const MaxFile = 64 << 10

// FileNames are the files of one transfer package, in one folder. Beside each
// .json is its signature, .sig in place of .json ([kmdata.SignaturePath]), and
// beside a card replacement a second one ([kmdata.SecondPath]). An AES key has
// no Possession file: it signs nothing.
type FileNames struct {
	Blob          string // .byok
	Manifest      string // .manifest.json, signed by KML
	Authorization string // .authorization.json, signed by KNSO
	Possession    string // .pop.sig, the transferred key's signature
	World         string // .world.json, the world file, signed by KNSO
	Module        string // .module.json, the statement of the module, signed by KNSO
	HSM           string // .hsm-attestation, what the HSM's vendor attests of the key; only where it was attached

	stem string
}

// Names returns the file names of the package for the key that is to be called
// name in the vault: KeyTransferPackage-<name>.byok and its companions. It
// fails, with status Usage, for a name that the service refuses (see
// [kek.CheckName]).
func Names(name string) (FileNames, error) {
	if err := kek.CheckName(name); err != nil {
		return FileNames{}, exitcode.Mark(exitcode.Usage, err)
	}
	return namesOf("KeyTransferPackage-" + name), nil
}

// NamesFor returns the files that belong to the .byok file at path, in its
// folder, whichever tool named it. The error has status Usage.
func NamesFor(path string) (FileNames, error) {
	stem, found := Stem(path)
	if !found || filepath.Base(path) == filepath.Base(path[len(stem):]) {
		return FileNames{}, exitcode.Errorf(exitcode.Usage, "%s: the name of a transfer package ends in .byok", path)
	}
	n := namesOf(stem)
	n.Blob = path
	return n, nil
}

// Stem returns a path without its ending .byok, which some file systems and
// tools write in capitals. It reports whether that was there.
func Stem(path string) (stem string, found bool) {
	at := len(path) - len(suffix)
	if at < 0 || !strings.EqualFold(path[at:], suffix) {
		return path, false
	}
	return path[:at], true
}

const suffix = ".byok"

func namesOf(stem string) FileNames {
	return FileNames{
		Blob:          stem + suffix,
		Manifest:      stem + ".manifest.json",
		Authorization: stem + ".authorization.json",
		Possession:    stem + ".pop.sig",
		World:         stem + ".world.json",
		Module:        stem + ".module.json",
		HSM:           stem + ".hsm-attestation",
		stem:          stem,
	}
}

// Cards returns the file of the replacement that brought a card set into
// force, .cards-<set>.json: sets are counted from 1, and the first needs none.
func (n FileNames) Cards(set int) string { return fmt.Sprintf("%s.cards-%d.json", n.stem, set) }

// In returns the same files in the folder dir.
func (n FileNames) In(dir string) FileNames {
	return namesOf(filepath.Join(dir, filepath.Base(n.stem)))
}
