//go:build goexperiment.runtimesecret

package secret

import (
	"runtime"
	"runtime/secret"
)

// Erased runs f so that its registers and stack are erased when it returns
// and its unreachable heap when the collector meets it, which is made to be
// now: memory that no caller can reach to wipe, such as a cipher's key schedule.
func Erased(f func()) {
	Scoped(f)
	Collect()
}

// Scoped is [Erased] without the collector, which takes some milliseconds: the
// unreachable heap is erased by the next [Collect]. It is for a part of something
// that ends with Erased or Collect.
func Scoped(f func()) { secret.Do(f) }

// Collect has the collector erase what [Scoped] has left on the heap.
func Collect() { runtime.GC() }
