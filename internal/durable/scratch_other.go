//go:build !unix

package durable

import "os"

// hasSecondName cannot tell on this system.
func hasSecondName(os.FileInfo) bool { return false }

// isOurs cannot tell on this system.
func isOurs(os.FileInfo) bool { return true }
