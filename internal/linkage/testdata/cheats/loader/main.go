// Command loader opens a socket that the loader finds for it: at a distance from
// another function, in a library from a folder of its own, or on its stack.
package main

// #cgo LDFLAGS: -Wl,-rpath,/tmp/libraries -Wl,-z,execstack
// #include <stdlib.h>
// extern long (*beside)(int, int, int);
// static long reach(void) { free(0); return beside(2, 1, 0); }
import "C"

func main() { C.reach() }
