// Command cgo opens a socket by the C library.
package main

// #include <netdb.h>
// #include <sys/socket.h>
// static int reach(void) { return connect(socket(2, 1, 0), 0, 0) + getaddrinfo(0, 0, 0, 0); }
import "C"

func main() { C.reach() }
