package library

import (
	"fmt"

	"byok/internal/exitcode"
)

// wrapper is a library that hands every call to another one.
type wrapper struct {
	names []string // file names, as patterns of [path.Match]
	what  string
}

// wrappers is the table of those that distributions and vendors ship.
var wrappers = []wrapper{
	{[]string{"pkcs11-spy*.so*", "pkcs11-spy*.dll"}, "OpenSC's pkcs11-spy, which writes the PINs to a file"},
	{
		[]string{"pkcs11-logger*.so*", "libpkcs11-logger*.so*", "*pkcs11-logger*.dll"},
		"pkcs11-logger, which writes the calls to a file",
	},
	{[]string{"libcklog2*.so*", "cklog*.dll"}, "Luna's logging library, which writes the calls to a file"},
	{
		[]string{"p11-kit-proxy*.so*", "libp11-kit*.so*", "*p11-kit*.dll"},
		"p11-kit's proxy, which loads what its configuration names",
	},
	{[]string{"p11-kit-client*.so*"}, "p11-kit's client, which sends the PINs to a server"},
}

// checkWrapper looks at every name that the library goes by.
func (c *checker) checkWrapper(id Identity) error {
	names := append(baseNames([]string{id.asked(), id.Path}), id.names...)
	for _, w := range wrappers {
		if !anyMatch(w.names, names) {
			continue
		}
		text := fmt.Sprintf("PKCS#11 library %s: goes by the name of %s", id.asked(), w.what)
		if !c.rehearsal {
			return exitcode.Errorf(exitcode.Refused, "%s", text).
				Hint("give the HSM vendor's own library with --module-path")
		}
		c.warnings = append(c.warnings, text+"; only a rehearsal accepts that")
	}
	return nil
}
