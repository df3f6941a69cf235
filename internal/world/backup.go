package world

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
)

// maxCopied is the largest file that a copy of kmdata takes: the ceremony log.
const maxCopied = 256 << 20

// Backup copies what a recovery needs to the new folder dir: world file,
// statements, key files, signatures and ceremony log. It proves that the copy
// is complete: it verifies as the original does, and every file has the same
// hash.
func Backup(chain *kmdata.Chain, dir string) (files int, err error) {
	if _, err := os.Lstat(dir); err == nil {
		return 0, exitcode.Errorf(exitcode.Refused, "%s exists already, and a copy never overwrites one", dir).
			Hint("name a folder that does not exist")
	}
	sums, err := copyTree(kmdata.Local(chain.Dir()), kmdata.Local(dir))
	if err != nil {
		return 0, err
	}
	return len(sums), verifyCopy(chain, dir, sums)
}

// copyTree copies the regular files of a folder and returns their hashes by
// their paths in it. Notes of the journal and locks stay behind.
func copyTree(from, to string) (map[string]fingerprint.Sum, error) {
	sums := map[string]fingerprint.Sum{}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		if strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		data, err := durable.ReadFile(path, maxCopied)
		if err != nil {
			return err
		}
		sums[rel] = fingerprint.Of(data)
		return durable.WriteFile(filepath.Join(to, rel), data, 0o600)
	})
	return sums, err
}

// verifyCopy reads the copy back.
func verifyCopy(chain *kmdata.Chain, dir string, sums map[string]fingerprint.Sum) error {
	again, err := kmdata.Open(dir)
	if err != nil {
		return err
	}
	if again.Last().Sum != chain.Last().Sum {
		return exitcode.Errorf(exitcode.Check, "%s: the copy ends with another statement than %s", dir, chain.Dir())
	}
	if _, err := again.Keys(); err != nil {
		return err
	}
	for rel, sum := range sums {
		data, err := durable.ReadFile(filepath.Join(kmdata.Local(dir), rel), maxCopied)
		if err != nil {
			return err
		}
		if fingerprint.Of(data) != sum {
			return exitcode.Errorf(
				exitcode.Check,
				"%s: the copy differs from the original",
				filepath.Join(kmdata.Local(dir), rel),
			)
		}
	}
	return nil
}
