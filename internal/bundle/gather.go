package bundle

import (
	"os"
	"path/filepath"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
)

// Is reports whether dir is a bundle.
func Is(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, Sums))
	return err == nil && kmdata.Exists(filepath.Join(dir, filepath.Dir(Disconnected)))
}

// Gather is [Collect] of folders in any order: one is the kmdata folder of the
// disconnected workstation, which it returns, and the others hold the rest. None
// has the status Usage; two, of one world or of two, have the status Check.
func Gather(folders []string, plan string) (c *Collected, dir string, err error) {
	var from []string
	for _, folder := range folders {
		switch {
		case !kmdata.Exists(folder):
			from = append(from, folder)
		case dir != "":
			return nil, "", two(dir, folder)
		default:
			dir = folder
		}
	}
	if dir == "" {
		return nil, "", exitcode.Errorf(exitcode.Usage, "%s: neither a bundle nor the kmdata folder of a security world",
			strings.Join(folders, ", ")).Hint("name the disconnected workstation's kmdata folder, or a bundle")
	}
	c, err = Collect(dir, from, plan)
	return c, dir, err
}

// two refuses two folders that each hold a world.
func two(a, b string) error {
	first, second := worldOf(a), worldOf(b)
	if first == second {
		return exitcode.Errorf(exitcode.Check, "%s and %s are two copies of one record, of %s", a, b, first).
			Hint("name the newer one alone; byok-offline ceremony verify --kmdata DIR shows the head of each")
	}
	return exitcode.Errorf(exitcode.Check, "%s and %s do not belong together: %s and %s", a, b, first, second).
		Hint(hintOne)
}

// worldOf is the world of a kmdata folder, in words.
func worldOf(dir string) string {
	chain, err := kmdata.Open(dir)
	if err != nil {
		return "a world whose statements do not hold"
	}
	return named(chain)
}

func named(chain *kmdata.Chain) string {
	return "the world " + chain.World().Label + ", hknso " + chain.FirstHKNSO().FirstWords(8)
}
