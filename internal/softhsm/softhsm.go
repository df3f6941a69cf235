// Package softhsm finds SoftHSM on this computer and gives it a folder of its
// own for its tokens.
//
// It is for rehearsals and tests, whose keys count for nothing. What a ceremony
// uses is named by its plan or with --module-path, and never searched for.
package softhsm

import (
	"fmt"
	"os"
	"path/filepath"

	"byok/internal/durable"
	"byok/internal/exitcode"
)

// Variable is the variable of the environment that names SoftHSM's
// configuration (softhsm2.conf(5)).
const Variable = "SOFTHSM2_CONF"

// patterns are where Debian, Fedora and an installation from source put the library.
var patterns = []string{
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib/*/softhsm/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so",
	"/usr/local/lib/softhsm/libsofthsm2.so",
}

// Library returns the path of libsofthsm2.so. The error of a computer without it
// has the status HSM, and names the package in its hint.
func Library() (string, error) { return find(patterns) }

func find(patterns []string) (string, error) {
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		if len(paths) > 0 {
			return paths[0], nil
		}
	}
	return "", exitcode.Errorf(exitcode.HSM, "SoftHSM is not installed: there is no %s, nor is it elsewhere that is usual",
		patterns[0]).Hint("apt install softhsm2")
}

// Configure writes softhsm2.conf into dir, with the folder dir/tokens for the
// tokens, and returns its path, for [Variable]. Both are for this user alone. A
// configuration that is there already is not replaced.
func Configure(dir string) (string, error) {
	tokens := filepath.Join(dir, "tokens")
	if err := os.MkdirAll(tokens, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "softhsm2.conf")
	text := fmt.Sprintf("directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens)
	return path, durable.WriteFile(path, []byte(text), 0o600)
}
