// Package softhsm gives tests a SoftHSM of their own. Production code does not
// import it.
package softhsm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"byok/internal/testkit/ramdisk"
)

// New makes an empty SoftHSM configuration for the test, points
// SOFTHSM2_CONF at it and returns the library's path. Without SoftHSM the
// test fails: it is never skipped.
func New(t testing.TB) string {
	t.Helper()
	library, err := Library()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := Configure(ramdisk.Folder(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	return library
}

// paths are where Debian and others put the library.
var paths = []string{
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm2.so",
	"/usr/local/lib/softhsm/libsofthsm2.so",
}

// Library finds libsofthsm2.so.
func Library() (string, error) {
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", errors.New("SoftHSM is not installed, and these tests need a real PKCS#11 library: apt-get " +
		"install softhsm2")
}

// Configure writes a SoftHSM configuration with its tokens below dir and
// returns its path, for SOFTHSM2_CONF.
func Configure(dir string) (string, error) {
	tokens := filepath.Join(dir, "tokens")
	if err := os.MkdirAll(tokens, 0o700); err != nil {
		return "", err
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	text := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens)
	return conf, os.WriteFile(conf, []byte(text), 0o600)
}
