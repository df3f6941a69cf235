//go:build netgo && osusergo && urfave_cli_no_docs && goexperiment.runtimesecret

package main

// released is the mark of the released build; see guard.go.
func released() {}
