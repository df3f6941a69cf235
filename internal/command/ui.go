package command

import (
	"byok/internal/secret"
	"byok/internal/term"
)

// The methods below are what packages that talk to people ask for in
// interfaces of their own, so that none of them needs this package or a
// terminal.

// Say reports progress; a quiet console leaves it out.
func (r *Run) Say(format string, args ...any) { r.Console.Say(format, args...) }

// Warn says what somebody must know, in one sentence.
func (r *Run) Warn(text string) { r.Console.Warning("%s", text) }

// Confirm asks the question and fails unless word is typed exactly; see
// [term.Console.Confirm].
func (r *Run) Confirm(question, word string) error { return r.Console.Confirm(question, word) }

// Secret reads the secret for prompt from the file that the option flag names,
// or else from the terminal. The caller wipes it.
func (r *Run) Secret(flag, prompt string) (*secret.Bytes, error) {
	if path := r.String(flag); path != "" {
		return term.SecretFile(path)
	}
	return r.Console.Password(prompt, "--"+flag+" FILE")
}

// NewSecret is Secret for one that is made now: from the terminal it is typed
// twice.
func (r *Run) NewSecret(flag, prompt string) (*secret.Bytes, error) {
	if path := r.String(flag); path != "" {
		return term.SecretFile(path)
	}
	return r.Console.NewPassword(prompt, "--"+flag+" FILE")
}
