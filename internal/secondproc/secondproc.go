// Package secondproc proves that logins and session objects of this process
// stay its own. Some PKCS#11 libraries hand every call to a daemon or share a
// login between processes: there, any process of the workstation could trust a
// key while the SO is logged in.
//
// [Prove] starts the program once more. That process loads the library for
// itself and tries, at the right moments, what it must not achieve. main hands
// over to it before anything else:
//
//	if secondproc.IsChild(os.Args) {
//		os.Exit(secondproc.Child(os.Stdin, os.Stdout))
//	}
//
// Call Prove while no role is logged in, and ask [Guarded]
// what its rows allow. Do not take a missing row for one that holds.
package secondproc

import (
	"slices"
	"time"

	"byok/internal/hsm"
	"byok/internal/hsm/survey"
	"byok/internal/secret"
)

// Outcome is what an experiment has shown.
type Outcome string

// The outcomes. NotAnswered means that nothing is known: a call failed with a
// return value that is not a refusal, or fails without the restriction as well.
const (
	Held        Outcome = "held"
	Failed      Outcome = "failed"
	NotAnswered Outcome = "not answered"
)

// Row is the result of one experiment.
type Row struct {
	Name    string  `json:"name"` // one of the Row constants
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"` // what the second process achieved, or how often it was refused
}

// The rows that [Prove] returns, in this order.
const (
	RowTrust   = "while the SO is logged in, another process trusts no key"
	RowPrivate = "while the SO is logged in, another process reaches no private key"
	RowSession = "another process finds no session object of this one"
	RowUser    = "while the user is logged in, another process reaches no private key without a PIN"
)

// Guarded reports whether the rows allow a guard on the token: all about the
// logins of SO and user must have held.
func Guarded(rows []Row) bool {
	return held(rows, RowTrust) && held(rows, RowPrivate) && held(rows, RowUser)
}

// UserGuarded reports whether the rows allow a guard that has no SO log in: the
// one about the user's login must have held.
func UserGuarded(rows []Row) bool { return held(rows, RowUser) }

// Shown is what rows say for a survey of guards. Rows that are missing were not
// tried.
func Shown(rows []Row) survey.Processes {
	outcome := func(name string, held bool) survey.Outcome {
		switch {
		case !slices.ContainsFunc(rows, func(r Row) bool { return r.Name == name }):
			return survey.NotTried
		case held:
			return survey.Enforced
		}
		return survey.NotEnforced
	}
	return survey.Processes{SO: outcome(RowTrust, Guarded(rows)), User: outcome(RowUser, UserGuarded(rows))}
}

// held reports whether there is a row of this name and all of them held.
func held(rows []Row, name string) bool {
	others := func(r Row) bool { return r.Name != name }
	named := slices.DeleteFunc(slices.Clone(rows), others)
	return len(named) > 0 && !slices.ContainsFunc(named, func(r Row) bool { return r.Outcome != Held })
}

// patience is how long one answer of the second process may take. A module
// generates a key pair in between.
const patience = 10 * time.Second

// Prove starts the second process and returns what it could do on the token.
// It logs in as user and as SO and out again, so no role may be logged in when
// it is called, in any session of this process. Without an SO PIN (nil) the
// rows about the SO and about session objects are not answered.
//
// The objects that are made have random values and labels that begin with
// [LabelPrefix]. Those on the token are destroyed before Prove returns; what an
// interrupted run has left is destroyed by the next one.
//
// An error means that this process itself could not go on: a wrong PIN, a lost
// device, an object that cannot be destroyed. A second process that fails or
// keeps silent for ten seconds is not one: its rows are not answered.
func Prove(m *hsm.Module, t hsm.Token, so, user *secret.Bytes) ([]Row, error) {
	return newProver(m, so, user, patience).run(t)
}

// ProveUser is [Prove] for a token on which this program never logs in as SO:
// it returns the last two rows, and looks for a private session object alone.
func ProveUser(m *hsm.Module, t hsm.Token, user *secret.Bytes) ([]Row, error) {
	p := newProver(m, secret.New(0), user, patience)
	p.userAlone = true
	return p.run(t)
}
