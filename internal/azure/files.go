package azure

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"byok/internal/durable"
	"byok/internal/exitcode"
)

// maxNamed is the size in bytes of a file that a variable of the environment
// may name: a bundle of every authority there is has a few hundred kilobytes.
const maxNamed = 16 << 20

// signInFiles are the variables that lead azidentity to a file, which it reads
// whatever that is, and the methods that look at them.
var signInFiles = []struct {
	variable string
	methods  []string
}{
	{"AZURE_CLIENT_CERTIFICATE_PATH", []string{"default", "environment"}},
	{"AZURE_FEDERATED_TOKEN_FILE", []string{"default", "workload-identity"}},
}

// checkFiles refuses what azidentity would wait for, or read without end.
func (o CredentialOptions) checkFiles() error {
	for _, f := range signInFiles {
		if !slices.Contains(f.methods, o.Method) {
			continue
		}
		if err := checkNamed(f.variable, o.Getenv(f.variable)); err != nil {
			return err
		}
	}
	return nil
}

// checkAuthorities does the same for the files that package crypto/x509 reads.
func checkAuthorities() error {
	if err := checkNamed("SSL_CERT_FILE", os.Getenv("SSL_CERT_FILE")); err != nil {
		return err
	}
	for _, dir := range filepath.SplitList(os.Getenv("SSL_CERT_DIR")) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // crypto/x509 goes without it
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue // crypto/x509 passes over it
			}
			if err := checkNamed("SSL_CERT_DIR", path); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkNamed refuses a path that exists and is not a file. What cannot be opened
// is left to whoever reads it.
func checkNamed(variable, path string) error {
	if path == "" {
		return nil
	}
	f, err := durable.OpenUpTo(path, maxNamed)
	if errors.Is(err, durable.ErrUnfit) {
		return exitcode.Errorf(exitcode.Usage, "%s: %w", variable, err)
	}
	if err == nil {
		_ = f.Close()
	}
	return nil
}
