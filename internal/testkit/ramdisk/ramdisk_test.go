package ramdisk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFolder is there during the test, for its owner alone, and then gone.
func TestFolder(t *testing.T) {
	var dir string
	t.Run("test", func(t *testing.T) {
		dir = Folder(t)
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%v %v", info, err)
		}
	})
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", dir, err)
	}
}

// TestVariable names the folder of a whole run.
func TestVariable(t *testing.T) {
	all := t.TempDir()
	t.Setenv(Variable, all)
	if dir := Folder(t); filepath.Dir(dir) != all {
		t.Errorf("%s is not in %s", dir, all)
	}
}
