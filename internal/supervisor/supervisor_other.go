//go:build !linux || !(amd64 || arm64)

package supervisor

import (
	"context"
	"os"
)

// Main runs the program in this process: on this system byok-offline refuses
// to load a library.
func Main(program New, args []string) int {
	return program(os.Stdin, os.Stdout, os.Stderr).Main(context.Background(), args)
}
