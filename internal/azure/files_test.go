package azure

import (
	"os"
	"syscall"
	"testing"

	"byok/internal/exitcode"
)

// TestFilesOfTheEnvironment: the SDK and package crypto/x509 read what a
// variable names, whatever that is. A pipe would stop the program.
func TestFilesOfTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	pipe, holes, folder := dir+"/pipe", dir+"/holes", t.TempDir()
	for _, path := range []string{pipe, folder + "/ca.pem"} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(holes, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(holes, 1<<40); err != nil {
		t.Fatal(err)
	}
	const large = ": larger than the 16777216 bytes that such a file may have"
	for _, c := range []struct{ method, variable, value, want string }{
		{"environment", "AZURE_CLIENT_CERTIFICATE_PATH", pipe, pipe + ": a named pipe, not a file"},
		{"default", "AZURE_CLIENT_CERTIFICATE_PATH", "/dev/zero", "/dev/zero: a device, not a file"},
		{"workload-identity", "AZURE_FEDERATED_TOKEN_FILE", holes, holes + large},
		{"default", "AZURE_FEDERATED_TOKEN_FILE", dir, dir + ": a folder, not a file"},
		{"cli", "AZURE_FEDERATED_TOKEN_FILE", pipe, ""},
		{"default", "AZURE_FEDERATED_TOKEN_FILE", dir + "/none", ""},
		{"cli", "SSL_CERT_FILE", pipe, pipe + ": a named pipe, not a file"},
		{"cli", "SSL_CERT_FILE", "/dev/zero", "/dev/zero: a device, not a file"},
		{"cli", "SSL_CERT_DIR", "/none:" + folder, folder + "/ca.pem: a named pipe, not a file"},
		{"cli", "SSL_CERT_DIR", "/none", ""},
	} {
		t.Run(c.method+" "+c.variable, func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			_, err := Network{}.Client()
			if err == nil {
				err = CredentialOptions{Method: c.method, Getenv: os.Getenv}.checkFiles()
			}
			switch want := c.variable + ": " + c.want; {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || err.Error() != want || exitcode.Of(err) != exitcode.Usage):
				t.Errorf("\n got %v (status %d)\nwant %s", err, exitcode.Of(err), want)
			}
		})
	}
}
