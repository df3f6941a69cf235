//go:build !netgo || !osusergo || !urfave_cli_no_docs || !goexperiment.runtimesecret

package main

import _ "unsafe" // for go:linkname

// released has no body here, so that the linker refuses every build of this
// program that is not the released one, and names what to type: without the
// tags the C library's resolver is linked in, and without the experiment
// secrets stay in freed memory. Tests link nevertheless; see guard_test.go.
//
//go:linkname released PLEASE_BUILD_THIS_PROGRAM_WITH_make_build
func released()
