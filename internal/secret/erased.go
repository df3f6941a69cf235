//go:build !goexperiment.runtimesecret

package secret

// Erased runs f. Built with GOEXPERIMENT=runtimesecret, as the Makefile does,
// it also erases what f and the libraries under it leave on stack and heap,
// such as a cipher's key schedule: memory that no caller can reach to wipe.
func Erased(f func()) { f() }

// Scoped runs f. Built as above it is [Erased] without the collector.
func Scoped(f func()) { f() }

// Collect does nothing. Built as above it has the collector erase what [Scoped]
// has left on the heap.
func Collect() {}
