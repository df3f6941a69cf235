package durable

import (
	"errors"
	"io/fs"
	"os"
)

// Cause returns what went wrong with a file without the operation and the
// path, which the caller's message names in its own words. An error that the
// os package did not make is returned as it is.
func Cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &path):
		return plainly(path.Err)
	case errors.As(err, &link):
		return plainly(link.Err)
	case errors.As(err, &call):
		return plainly(call.Err)
	}
	return plainly(err)
}
