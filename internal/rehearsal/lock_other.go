//go:build !unix

package rehearsal

import "os"

// tryLock has no advisory locks here: run one server on a folder.
func tryLock(*os.File) bool { return true }
