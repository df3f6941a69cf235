// Package ramdisk gives tests folders in memory, where there is a file system
// for that: kmdata and cards are synced with every file, and a SoftHSM writes a
// token with every object. Production code does not import it.
//
// Do not keep programs or libraries in these folders: what is in memory may not
// be executed everywhere.
package ramdisk

import (
	"cmp"
	"os"
	"testing"
)

// Variable names a folder in memory for all of a run: scripts/test.sh sets it,
// and sees what stays there.
const Variable = "TEST_MEMORY"

// shared is where Linux has a file system in memory.
const shared = "/dev/shm"

// Make makes a folder, in memory if that can be. The caller removes it.
func Make() (string, error) {
	if dir, err := os.MkdirTemp(cmp.Or(os.Getenv(Variable), shared), "byok-test-"); err == nil {
		return dir, nil
	}
	return os.MkdirTemp("", "byok-test-")
}

// Folder is [Make] of a folder that ends with the test.
func Folder(t testing.TB) string {
	t.Helper()
	dir, err := Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
