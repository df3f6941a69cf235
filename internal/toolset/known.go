package toolset

import (
	"errors"
	"io/fs"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// Known is what is known of a file's hash.
type Known struct {
	OK   bool   // the hash is the one that was published, or that is listed beside the file
	Text string // says which, or what is wrong
}

// Look compares the hash of the file at path with the published hashes of the
// retired toolset, and otherwise with the SHA256SUMS in the file's folder,
// which came the same way as the file and proves less. A file that bears the
// published name of a zip has to have its hash; KeyVault-BYOK-Tools-CANADA.zip,
// which was built today, is not KeyVault-BYOK-Tools-Canada.zip. Status Usage for
// a SHA256SUMS that cannot be read.
func Look(path string, sum fingerprint.Sum) (Known, error) {
	if region, ok := RegionOf(sum); ok {
		return Known{
			true,
			"the published hash of " + region.Package + " for " + region.Name + ", retired in June 2021",
		}, nil
	}
	for _, region := range Regions() {
		if region.Package == filepath.Base(path) {
			return Known{false, "not the published hash for " + region.Name}, nil
		}
	}
	listed, err := listedSum(path)
	switch {
	case err != nil:
		return Known{}, err
	case listed.IsZero():
		return Known{false, "unknown hash"}, nil
	case listed != sum:
		return Known{false, "not the hash that the " + SumsName + " beside it lists"}, nil
	}
	return Known{true, "as listed in the " + SumsName + " beside it"}, nil
}

// listedSum returns the hash that a SHA256SUMS in the file's folder gives for
// its name; zero where there is none.
func listedSum(path string) (fingerprint.Sum, error) {
	sums := filepath.Join(filepath.Dir(path), SumsName)
	data, err := durable.ReadFile(sums, MaxPackage)
	if errors.Is(err, fs.ErrNotExist) {
		return fingerprint.Sum{}, nil
	}
	if err != nil {
		return fingerprint.Sum{}, exitcode.Mark(exitcode.Usage, err)
	}
	lines, err := ParseSums(data)
	if err != nil {
		return fingerprint.Sum{}, exitcode.Errorf(exitcode.Usage, "%s: %w", sums, err)
	}
	for _, l := range lines {
		if l.Name == filepath.Base(path) {
			return l.Sum, nil
		}
	}
	return fingerprint.Sum{}, nil
}
