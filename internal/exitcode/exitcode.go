// Package exitcode is the one place that turns an error into an exit status.
//
// A package marks an error with the status its cause deserves ([Errorf], [Mark])
// and may attach the next command to type ([Hint], [Error.Hint]). main asks [Of] once, at the
// end. The table in docs/exit-status.md is checked against [All].
package exitcode

import (
	"context"
	"errors"
	"fmt"
)

// Code is a process exit status of byok-offline and byok-online.
type Code int

// The exit statuses. Scripts and auditors rely on them; see docs/exit-status.md.
const (
	Done        Code = 0
	Failed      Code = 1
	Usage       Code = 2
	Check       Code = 3
	HSM         Code = 4
	Vault       Code = 5
	Refused     Code = 6
	Interrupted Code = 130
)

// All lists every status in ascending order.
func All() []Code {
	return []Code{Done, Failed, Usage, Check, HSM, Vault, Refused, Interrupted}
}

// Meaning says in one line what the status means to a script.
func (c Code) Meaning() string {
	switch c {
	case Done:
		return "done"
	case Usage:
		return "the command line or an input file's syntax is wrong; nothing was touched"
	case Check:
		return "a check failed: hash, signature, attestation, binding, proof of possession"
	case HSM:
		return "the HSM refused or failed, a crash of its library included"
	case Vault:
		return "the vault, its credential or the network refused or failed"
	case Refused:
		return "refused by the ceremony's own rules: quorum, rehearsal mixed with production, would overwrite, unattested KEK"
	case Interrupted:
		return "interrupted; what exists now has been reported"
	}
	return "failed for another reason"
}

// Error is an error with an exit status. Errorf and Mark make it.
//
// It is a value, so that one in an error interface is never a nil pointer.
// Functions declare error as their result, not Error.
type Error struct {
	cause error
	code  Code
}

// Error returns the text of the error, without its hint.
func (e Error) Error() string { return e.cause.Error() }

// Unwrap returns the error that was marked.
func (e Error) Unwrap() error { return e.cause }

// Hint attaches the next step to e; see [Hint].
//
//	return exitcode.Errorf(exitcode.Refused, "%s exists", path).Hint("rm %s", term.Quote(path))
func (e Error) Hint(format string, args ...any) error { return Hint(e, format, args...) }

// Errorf is [fmt.Errorf] with an exit status. To add a hint to what it
// returns, call its method Hint.
func Errorf(code Code, format string, args ...any) Error {
	return Error{fmt.Errorf(format, args...), code}
}

// Mark gives err a status unless something deeper has given it one already:
// the cause knows better than the caller. A nil error stays nil.
func Mark(code Code, err error) error {
	if err == nil || errors.As(err, new(Error)) {
		return err
	}
	return Error{err, code}
}

// Of returns the status of err: its mark, Interrupted for a cancelled
// context, Done for nil, and Failed otherwise.
func Of(err error) Code {
	var marked Error
	switch {
	case err == nil:
		return Done
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.As(err, &marked):
		return marked.code
	}
	return Failed
}

// ErrInterrupted is [context.Canceled] in the operator's words, and is
// context.Canceled to errors.Is. Return it in place of a context's error.
var ErrInterrupted error = interrupted{}

type interrupted struct{}

func (interrupted) Error() string { return "interrupted" }
func (interrupted) Unwrap() error { return context.Canceled }

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Hint attaches the next step to err, as a command to type wherever there is
// one. A nil error stays nil.
func Hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return hinted{err, fmt.Sprintf(format, args...)}
}

// HintOf returns the outermost hint of err, or "".
func HintOf(err error) string {
	var h hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
