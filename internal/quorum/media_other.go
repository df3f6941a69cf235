//go:build !unix

package quorum

import "io/fs"

// device has no device numbers on this system.
func device(fs.FileInfo) (uint64, bool) { return 0, false }
