package kmdata

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"byok/internal/exitcode"
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

// Newest returns the path of the file that a person calls by its name alone, in
// the kmdata folder dir: "world", "key_simple_contosokey", and of a key's transfer
// copies the newest, "key_xferacld_contosokey". It is "" if there is none.
func Newest(dir, name string) string {
	entries, err := os.ReadDir(Local(dir)) // sorted
	if err != nil {
		return ""
	}
	found := ""
	for _, e := range entries {
		number, ofName := strings.CutPrefix(e.Name(), name+"_")
		if e.Name() == name || ofName && strings.HasPrefix(name, KeyName(Transfer, "")) && !strings.Contains(number, ".") {
			found = filepath.Join(Local(dir), e.Name())
		}
	}
	return found
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
