//go:build wine

// Command asks asks on the terminal as the programs do, and says what it was told:
// for the tests of the console under Wine.
package main

import (
	"fmt"
	"os"

	"byok/internal/exitcode"
	"byok/internal/secret"
	"byok/internal/term"
)

func main() {
	c := &term.Console{Program: "asks", In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	said, err := ask(c, os.Args[1])
	c.Restore()
	fmt.Printf("said %q, %v, status %d\n", said, err, exitcode.Of(err))
}

func ask(c *term.Console, what string) (string, error) {
	switch what {
	case "password":
		s, err := c.Password("the PIN", "--pin-file FILE")
		defer s.Wipe()
		return fmt.Sprintf("%x", s.Reveal()), err
	case "show":
		words := secret.Take([]byte("acid bonus"))
		defer words.Wipe()
		return "", c.ShowSecret([]string{"For Alice alone"}, words, "press Enter", "--card-pin-file FILE")
	}
	return c.Ask("the name", "--name NAME")
}
