package confine

// ownVariables are what the program itself reads, and where the programs are that a
// library may start. No DLL is looked for in %PATH%: see [Harden].
func ownVariables() []string { return []string{"PATH", "BYOK_*"} }

// loaderVariables are none: no variable has Windows load a library.
func loaderVariables() []string { return nil }

// wiping is empty: no variable has the C library wipe what it frees.
func wiping() []string { return nil }
