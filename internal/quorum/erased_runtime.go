//go:build goexperiment.runtimesecret

package quorum

import (
	"runtime"
	"runtime/secret"
)

// erased runs f so that its registers and stack are erased when it returns
// and its unreachable heap when the collector meets it, which is made to be now.
func erased(f func()) {
	secret.Do(f)
	runtime.GC()
}
