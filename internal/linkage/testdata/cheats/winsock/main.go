// Command winsock imports Winsock by C.
package main

// #cgo LDFLAGS: -lws2_32
// #include <winsock2.h>
// static int reach(void) { WSADATA d; return WSAStartup(0x202, &d) + (int)socket(2, 1, 0); }
import "C"

func main() { C.reach() }
