// Command assembly opens a socket by instructions of its own.
package main

func open() int

func main() { open() }
