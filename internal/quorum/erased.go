//go:build !goexperiment.runtimesecret

package quorum

// erased runs f. Built with GOEXPERIMENT=runtimesecret, it also erases what f
// and the libraries under it leave on stack and heap.
func erased(f func()) { f() }
