// Package recordcopy copies a world's records to another medium, and proves the copy.
package recordcopy

import (
	"io/fs"
	"path/filepath"
	"strings"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kmdata"
)

// maxCopied is the largest file that a copy of kmdata takes: the ceremony log.
const maxCopied = 256 << 20

// Make copies what a recovery needs to the new folder dir: world file,
// statements, key files, signatures and ceremony log. It proves that the copy
// is complete: it verifies as the original does, and every file has the same
// hash. The folder gets its name once that is proved: see [durable.NewFolder]; its
// parents are made.
func Make(chain *kmdata.Chain, dir string) (files int, err error) {
	if err := checkTarget(chain.Dir(), dir); err != nil {
		return 0, err
	}
	if err := chain.CheckFiles(); err != nil { // the copy would not be complete either
		return 0, err
	}
	if err := durable.Folder(filepath.Dir(filepath.Clean(dir)), 0o700); err != nil {
		return 0, err
	}
	err = durable.NewFolder(dir, 0o700, func(partial string) error {
		sums, err := copyTree(kmdata.Local(chain.Dir()), kmdata.Local(partial))
		if err != nil {
			return err
		}
		files = len(sums)
		return verifyCopy(chain, partial, sums)
	})
	return files, err
}

// checkTarget refuses a folder that exists, or that is inside kmdata.
func checkTarget(local, dir string) error {
	if err := durable.FreeFolder(dir, "a copy"); err != nil {
		return err
	}
	from, err := filepath.Abs(local)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if rel, err := filepath.Rel(from, to); err == nil && filepath.IsLocal(rel) {
		return exitcode.Errorf(exitcode.Refused, "%s is inside %s: a copy belongs on another medium", dir, local).
			Hint("name a folder on the medium for the copy")
	}
	return nil
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
			return durable.Folder(filepath.Join(to, rel), 0o700)
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
		return exitcode.Errorf(exitcode.Check, "%s: the copy's last statement differs from that of %s", dir, chain.Dir())
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
			return exitcode.Errorf(exitcode.Check, "%s: the copy differs from the original",
				filepath.Join(kmdata.Local(dir), rel))
		}
	}
	return nil
}
