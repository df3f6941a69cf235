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
	secret.Do(f)
	runtime.GC()
}
