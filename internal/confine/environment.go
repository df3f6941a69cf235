package confine

import (
	"slices"
	"strings"

	"byok/internal/library"
)

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

// Environment returns, of an environment as [os.Environ] gives it, the variables
// that this program needs, those that steer PKCS#11 libraries ([library.Listed]),
// and GLIBC_TUNABLES as it must be for freed memory to be wiped. Everything else
// is left out: LD_PRELOAD and its like would load code of the user's choice
// beside the HSM's library, and GODEBUG would change Go's. Applied to its own
// result it changes nothing.
func Environment(environ []string) []string {
	var kept []string
	for _, variable := range environ {
		name, _, ok := strings.Cut(variable, "=")
		if ok && (matches(name, ownVariables()) || library.Listed(name)) {
			kept = append(kept, variable)
		}
	}
	return append(kept, tunables)
}

// Dropped returns the names of the variables in environ that steer the dynamic
// linker or the C library and that [Environment] leaves out or replaces. A
// person who set one has to be told; the many other variables of a login shell
// are dropped without a word.
func Dropped(environ []string) []string {
	var names []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if matches(name, loaderVariables()) && variable != tunables {
			names = append(names, name)
		}
	}
	return names
}

// matches reports whether name is among the listed, some of which end in *.
func matches(name string, listed []string) bool {
	return slices.ContainsFunc(listed, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return name == pattern || open && strings.HasPrefix(name, prefix)
	})
}
