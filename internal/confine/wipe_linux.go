package confine

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
)

// tunables make the C library overwrite memory when it is freed, and keep none
// back before it does (glibc, "Memory Allocation Tunables"). The HSM's library
// and the PKCS#11 binding copy PINs and keys through that heap, out of our reach.
const tunables = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"

// WipeFreed starts the program again, once, in an environment that makes the C
// library wipe what it frees: it reads that only when a process begins. Call
// it first in main. Where the C library is not glibc nothing is gained and
// nothing lost. It returns only if nothing was to be done, or on an error.
func WipeFreed() error {
	const name = "GLIBC_TUNABLES="
	env := os.Environ()
	i := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, name) })
	switch {
	case i < 0:
		env = append(env, name+tunables)
	case strings.Contains(env[i], tunables):
		return nil
	default:
		env[i] += ":" + tunables
	}
	err := unix.Exec("/proc/self/exe", os.Args, env)
	return exitcode.Errorf(exitcode.Failed, "the program could not be started again with freed memory wiped: %w", err)
}
