// Package child runs this program again, as a process of its own that has the
// same terminal, and waits for it as a shell would.
//
// Use [Again] for a command of this program that people answer, one after another.
// What is typed at the terminal, Ctrl-C included, is the child's to answer: whoever
// calls Again must not end by a signal while it runs. Do not use it for a process
// that loads an HSM's library: package supervisor is for that, and every child of
// byok-offline has a supervisor of its own.
package child

import "os"

// output is where the results of a child go.
func output(messages bool) *os.File {
	if messages {
		return os.Stderr
	}
	return os.Stdout
}
