//go:build !linux || !(amd64 || arm64)

package term

// watch leaves Ctrl-Z to this system.
func (d *device) watch() { d.unwatch = func() {} }
