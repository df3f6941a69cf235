// Command byok-online runs on the connected workstation: it makes the toolset
// from a vault's key exchange key, uploads transfer packages, and proves that
// the key in the vault is the key that was made offline.
package main

import (
	"context"
	"io"
	"log"
	"os"

	"byok/internal/runbook"
)

func main() {
	log.SetOutput(io.Discard) // net/http would print what a server sends unasked
	os.Exit(program(os.Stdin, os.Stdout, os.Stderr).Main(context.Background(), runbook.Words(os.Args)))
}
