package command

import (
	"os"
	"path/filepath"
	"strings"

	"byok/internal/exitcode"
)

// usualKMDataText is what usualKMData returns, for a person.
const usualKMDataText = `%NFAST_KMDATA%, or %ProgramData%\byok\kmdata`

// usualKMData returns the kmdata folder where none is named: that of the retired
// procedure, if its variable is set, or one of this computer.
func usualKMData() (string, error) {
	if dir := os.Getenv("NFAST_KMDATA"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("ProgramData"); dir != "" {
		return filepath.Join(dir, "byok", "kmdata"), nil
	}
	return "", exitcode.Errorf(exitcode.Usage, "no folder to keep kmdata in: %%ProgramData%% is not set").
		Hint("name a folder with --kmdata DIR")
}

// expanded replaces each argument that is a pattern of files by their names, as
// shells do elsewhere. A pattern that fits no file stays as it is.
func expanded(args []string) []string {
	var all []string
	for _, arg := range args {
		names, err := filepath.Glob(arg)
		if err != nil || len(names) == 0 || !strings.ContainsAny(arg, "*?") {
			names = []string{arg}
		}
		all = append(all, names...)
	}
	return all
}
