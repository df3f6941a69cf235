//go:build !windows

package library

// onWindows reports whether paths and names are those of Windows.
const onWindows = false

// Example is the path of a PKCS#11 library on this system, for hints.
const Example = "/usr/lib/softhsm/libsofthsm2.so"

// lunaFile is the name of Luna's configuration file.
const lunaFile = "Chrystoki.conf"

// systemVariables are the system's own by which libraries find their files.
var systemVariables = []string{"HOME"}

// folded is a name as the system compares it.
func folded(name string) string { return name }
