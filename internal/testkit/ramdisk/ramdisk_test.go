package ramdisk

import (
	"os"
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
