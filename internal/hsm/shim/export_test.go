package shim

// BuildIn compiles the shim, unless the folder has it.
var BuildIn = shared
