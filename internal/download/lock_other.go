//go:build !unix

package download

import "os"

// noFollow is no option of open here.
const noFollow = 0

// tryLock has no advisory locks here: run one download of a file at a time.
func tryLock(*os.File) bool { return true }
