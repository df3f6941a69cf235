package confine

import (
	"slices"
	"strings"

	"byok/internal/library"
)

// Environment returns, of an environment as [os.Environ] gives it, the variables
// that this program needs, those that PKCS#11 libraries need ([library.Needed]),
// and, except on Windows, GLIBC_TUNABLES as it must be for freed memory to be wiped.
// Everything else is left out: LD_PRELOAD and its like would load code of the user's
// choice beside the HSM's library, and GODEBUG would change Go's. Applied to its own
// result it changes nothing.
func Environment(environ []string) []string {
	var kept []string
	for _, variable := range environ {
		name, _, ok := strings.Cut(variable, "=")
		if ok && (library.Matches(ownVariables(), name) || library.Needed(name)) {
			kept = append(kept, variable)
		}
	}
	return append(kept, wiping()...)
}

// Dropped returns the names of the variables in environ that steer the dynamic
// linker or the C library and that [Environment] leaves out or replaces. A
// person who set one has to be told; the many other variables of a login shell
// are dropped without a word.
func Dropped(environ []string) []string {
	var names []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if library.Matches(loaderVariables(), name) && !slices.Contains(wiping(), variable) {
			names = append(names, name)
		}
	}
	return names
}
