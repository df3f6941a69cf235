// Package softhsm is where byok/internal/testkit/softhsm was.
//
// Deprecated: import byok/internal/testkit/softhsm.
package softhsm

import "byok/internal/testkit/softhsm"

// These are those of byok/internal/testkit/softhsm.
var (
	New       = softhsm.New
	Library   = softhsm.Library
	Configure = softhsm.Configure
)
