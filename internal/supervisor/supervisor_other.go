//go:build !windows && !(linux && (amd64 || arm64))

package supervisor

import (
	"context"
	"os"
)

// Main runs the program in this process: here nothing keeps the process that loads a
// library from one that watches it. After a crash the log has a begin without an end.
func Main(program New, args []string) int {
	return program(os.Stdin, os.Stdout, os.Stderr).Main(context.Background(), args)
}
