package toolset

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/strictjson"
)

// SumsName is the file in the zip with the SHA-256 of the others.
const SumsName = "SHA256SUMS"

// KEKName is the file name of a KEK package: BYOK-KEK-pkg-CONTOSO-1.
func KEKName(suffix string, generation int) string {
	return fmt.Sprintf("BYOK-KEK-pkg-%s-%d", suffix, generation)
}

// SecurityWorldName is the file name of a SecurityWorld package:
// BYOK-SecurityWorld-pkg-CONTOSO-1.
func SecurityWorldName(suffix string, generation int) string {
	return fmt.Sprintf("BYOK-SecurityWorld-pkg-%s-%d", suffix, generation)
}

// ZipName is the file name of a toolset: KeyVault-BYOK-Tools-CONTOSO.zip.
func ZipName(suffix string) string { return "KeyVault-BYOK-Tools-" + suffix + ".zip" }

// SumLine is one line of a SHA256SUMS file.
type SumLine struct {
	Name string
	Sum  fingerprint.Sum
}

// FormatSums writes what sha256sum prints for the files, and what
// sha256sum -c reads: the hash, two spaces, the name.
func FormatSums(lines []SumLine) []byte {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "%s  %s\n", l.Sum, l.Name)
	}
	return []byte(b.String())
}

// ParseSums reads a file as FormatSums writes it; names are taken as they are.
// The error names the line.
func ParseSums(data []byte) ([]SumLine, error) {
	if err := cmp.Or(strictjson.CheckEncoding(data), strictjson.CheckLines(data)); err != nil {
		return nil, err
	}
	text, ended := strings.CutSuffix(string(data), "\n")
	if !ended {
		return nil, errors.New("the last line has no end")
	}
	var lines []SumLine
	for i, line := range strings.Split(text, "\n") {
		var l SumLine
		sum, name, found := strings.Cut(line, "  ")
		if err := l.Sum.UnmarshalText([]byte(sum)); err != nil || !found || name == "" {
			return nil, fmt.Errorf("line %d is not a SHA-256, two spaces and a name", i+1)
		}
		l.Name = name
		lines = append(lines, l)
	}
	return lines, nil
}
