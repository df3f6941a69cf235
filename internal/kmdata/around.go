package kmdata

import (
	"byok/internal/exitcode"
	"fmt"
	"path/filepath"
	"strings"
)

// OpenAround opens the kmdata folder that a file is in.
func OpenAround(path string) (*Chain, error) {
	dir, err := folderOf(path)
	if err != nil {
		return nil, err
	}
	return Open(dir)
}

// folderOf is the kmdata folder that a file is in.
func folderOf(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(abs)
	if filepath.Base(dir) == filepath.Base(StatementsDir("")) {
		dir = filepath.Dir(dir)
	}
	if filepath.Base(dir) != filepath.Base(Local("")) {
		return "", exitcode.Errorf(exitcode.Usage,
			"%s: it is not in the local folder of a kmdata, beside its world file", path)
	}
	return filepath.Dir(dir), nil
}

// SignedBy verifies a statement or key file of the chain's folder, and says who
// signed it.
func (c *Chain) SignedBy(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	for _, e := range c.Entries() {
		if entry, err := filepath.Abs(e.Path); err == nil && entry == abs {
			return fmt.Sprintf("KNSO, as %v", e), nil
		}
	}
	if !strings.HasPrefix(filepath.Base(path), "key_") || filepath.Ext(path) != "" {
		return "", exitcode.Errorf(exitcode.Usage, "%s: it is neither a statement nor a key file", path)
	}
	k, err := c.KeyFile(abs)
	if err != nil {
		return "", err
	}
	return "KML of module " + k.Module, nil
}
