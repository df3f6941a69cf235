// Command check-offline says whether a program's file holds code that reaches a
// network. It needs neither the program's source nor a compiler, and it runs
// nothing of the file.
package main

import (
	"os"

	"byok/internal/term"
)

func main() {
	console := &term.Console{Program: name, In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	os.Exit(int(run(console, os.Args[1:])))
}
