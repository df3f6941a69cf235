//go:build !netgo || !osusergo || !urfave_cli_no_docs || !goexperiment.runtimesecret

package main

import _ "unsafe" // for go:linkname

// unreleased is what guard.go asks for, in tests alone: a bare "go test" works.
//
//go:linkname unreleased PLEASE_BUILD_THIS_PROGRAM_WITH_make_build
func unreleased() {}
