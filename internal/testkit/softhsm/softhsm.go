// Package softhsm gives tests a SoftHSM of their own. Production code does not
// import it.
package softhsm

import (
	"testing"

	"byok/internal/softhsm"
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
	t.Setenv(softhsm.Variable, conf)
	return library
}

// Library finds libsofthsm2.so.
func Library() (string, error) { return softhsm.Library() }

// Configure writes a SoftHSM configuration with its tokens below dir and
// returns its path, for SOFTHSM2_CONF.
func Configure(dir string) (string, error) { return softhsm.Configure(dir) }
