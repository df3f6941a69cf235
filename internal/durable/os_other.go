//go:build !linux

package durable

import (
	"errors"
	"os"
)

// renameExclusive is left to the ways that every system has.
func renameExclusive(string, string) error { return errors.ErrUnsupported }

// tryLock grants every lock.
func tryLock(*os.File) (bool, error) { return true, nil }

// lockFile does nothing: on this system, run one command at a time.
func lockFile(*os.File) error { return nil }

func lockFolder(string) (unlock func(), err error) { return func() {}, nil }

// noWait and noFollow are no options of open here.
const (
	noWait   = 0
	noFollow = 0
)
