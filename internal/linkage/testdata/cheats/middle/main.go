// Command middle opens a socket by calling into the middle of a function.
package main

func open() int

func main() { open() }
