// Command csyscall opens a socket by instructions in C, and by syscall(3).
package main

// #include <unistd.h>
// static long reach(void) {
// #ifdef __x86_64__
// 	long n = 41;
// 	__asm__ volatile("syscall" : "+a"(n) : "D"(2), "S"(1), "d"(0) : "rcx", "r11", "memory");
// #else
// 	register long number __asm__("x8") = 198, n __asm__("x0") = 2;
// 	__asm__ volatile("svc 0" : "+r"(n) : "r"(number) : "memory");
// #endif
// 	return n + syscall(42, 0, 0);
// }
import "C"

func main() { C.reach() }
