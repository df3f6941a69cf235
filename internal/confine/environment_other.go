//go:build !windows

package confine

// ownVariables are what the program itself, the terminal and Go's library read.
func ownVariables() []string {
	return []string{"PATH", "HOME", "LANG", "LC_*", "TERM", "TMPDIR", "TZ", "USER", "LOGNAME", "BYOK_*"}
}

// tunables make the C library overwrite memory when it is freed, and keep none
// back before it does (glibc, "Memory Allocation Tunables"). The HSM's library
// and the PKCS#11 binding copy PINs and keys through that heap, out of our reach.
const (
	tunablesVariable = "GLIBC_TUNABLES"
	tunablesValue    = "glibc.malloc.perturb=165:glibc.malloc.tcache_count=0"
	tunables         = tunablesVariable + "=" + tunablesValue
)

// loaderVariables steer the dynamic linker and the C library.
func loaderVariables() []string { return []string{"LD_*", tunablesVariable} }

// wiping is the variable that has the C library do so.
func wiping() []string { return []string{tunables} }
