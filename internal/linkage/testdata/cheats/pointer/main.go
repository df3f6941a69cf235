// Command pointer opens a socket by a number that is changed on the stack.
package main

func open() int

func main() { open() }
