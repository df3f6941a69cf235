package command

import (
	"os"
	"sync"

	"byok/internal/durable"
	"byok/internal/fingerprint"
)

// ExecutableSum returns the SHA-256 of this program's file, which the log and the
// statements name besides its version. It is read once a process.
var ExecutableSum = sync.OnceValues(func() (fingerprint.Sum, error) {
	path, err := os.Executable()
	if err != nil {
		return fingerprint.Sum{}, err
	}
	f, err := durable.Open(path)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	defer f.Close()
	return fingerprint.Reader(f)
})
