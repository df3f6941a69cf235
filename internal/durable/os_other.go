//go:build !linux && !windows

package durable

import "errors"

// renameExclusive is left to the ways that every system has.
func renameExclusive(string, string) error { return errors.ErrUnsupported }
