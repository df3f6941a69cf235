//go:build !windows && !(linux && (amd64 || arm64))

package confine

// Harden does nothing: this system has nothing of the kind.
func Harden() {}

func hardened() []Row { return []Row{Memory()} }

// Memory says that this system offers no way to lock memory.
func Memory() Row { return Row{"locked memory", false, "secrets may reach a swap file"} }
