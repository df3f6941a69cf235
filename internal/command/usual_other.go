//go:build !windows

package command

import (
	"os"
	"path/filepath"

	"byok/internal/exitcode"
)

// usualKMDataText is what usualKMData returns, for a person.
const usualKMDataText = "~/.byok/kmdata"

// usualKMData returns the kmdata folder where none is named.
func usualKMData() (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", exitcode.Errorf(exitcode.Usage, "no home folder to keep kmdata in").Hint("name a folder with --kmdata DIR")
	}
	return filepath.Join(home, ".byok", "kmdata"), nil
}

// expanded has nothing to do: the shell has replaced its patterns.
func expanded(args []string) []string { return args }
