// Command byok-offline runs on the disconnected workstation beside the HSM: it
// creates the security world, generates keys, reduces their permissions and
// packages them for the vault's key exchange key. It holds no networking code.
package main

import (
	"context"
	"os"
)

func main() {
	released()
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
