// Package ceremony keeps the record of a key ceremony: one line an event, each
// carrying the SHA-256 of the line before it.
//
// A command does not write to the log itself: package command appends an event
// before a step runs and another one afterwards, whatever happened. [Check]
// reads a log back and holds it to the heads that signed statements carry;
// [Read] checks the chain alone. Both say what they cannot show. Nothing here
// may be used to change or shorten a log.
package ceremony

import (
	"time"

	"byok/internal/fingerprint"
)

// Phase says what an event is to its command. A begin without an end is a
// command that was killed, or a machine that lost power.
type Phase string

// The phases.
const (
	Begin  Phase = "begin" // a command starts
	End    Phase = "end"   // it ended, as Result says
	Noted  Phase = "note"  // while it ran: a comparison, a deviation
	Sealed Phase = "seal"  // a module signed the log so far
)

// Results of a command, as printed on its last line.
const (
	Success = "SUCCESS"
	Failure = "FAILURE"
)

// The names of notes by which an event says what step of what plan it is, and what
// people say of that step.
const (
	NotePlan      = "plan"      // SHA-256 of the plan's file, in hex
	NoteStep      = "step"      // as script.Step has its ID
	NoteAttested  = "attested"  // initials of a witness
	NoteDeviation = "deviation" // why something was done otherwise, as a person typed it
)

// NoteUnconfined is the name of a note in a command that went on where the system
// does not confine the HSM's library: what is not held.
const NoteUnconfined = "unconfined"

// NoteInterfaces is the name of a note about the network interfaces of a disconnected
// workstation: what package airgap saw of them.
const NoteInterfaces = "network interfaces"

// Event is one line of the log. Nothing secret is ever in it: PINs and
// passphrases are not on the command line and errors do not quote them.
type Event struct {
	Seq     int       `json:"seq"`  // number of its line, from 1
	Time    time.Time `json:"time"` // RFC 3339, UTC, whole seconds
	Program string    `json:"program"`
	Version string    `json:"version"`
	// Executable is the SHA-256 of the program's file; in a begin, and only there.
	// Logs of earlier releases have none.
	Executable fingerprint.Sum `json:"program_sha256,omitzero"`
	Command    string          `json:"command"` // "acl modify"
	Phase      Phase           `json:"phase"`
	Began      int             `json:"began,omitzero"` // in all but a begin: the number of the begin it belongs to
	Arguments  []string        `json:"arguments,omitempty"`
	Operator   string          `json:"operator,omitempty"` // account name and host
	Rehearsal  bool            `json:"rehearsal,omitzero"`
	Module     *Module         `json:"module,omitzero"`
	Inputs     []File          `json:"inputs,omitempty"`
	Outputs    []File          `json:"outputs,omitempty"`
	Notes      []Note          `json:"notes,omitempty"`
	Result     string          `json:"result,omitempty"` // Success or Failure
	Status     int             `json:"status,omitzero"`  // exit status; see package exitcode
	Error      string          `json:"error,omitempty"`
	Millis     int64           `json:"duration_ms,omitzero"`
	Seal       *Seal           `json:"seal,omitzero"` // in a seal, and only there

	// Previous is the SHA-256 of the line before, without its line end; zeros
	// in the first line. Behind a torn line, see Read, it is that of the last
	// whole line and all that follows it.
	Previous fingerprint.Sum `json:"previous"`
}

// Module identifies the PKCS#11 token a command worked on.
type Module struct {
	Library string `json:"library,omitempty"`
	Model   string `json:"model,omitempty"`
	Serial  string `json:"serial"`
}

// File is a file read or written.
type File struct {
	Path   string          `json:"path"`
	SHA256 fingerprint.Sum `json:"sha256"`
}

// Note is one thing worth telling an auditor, such as who held a card.
type Note struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// AddInput records a file that was read.
func (e *Event) AddInput(path string, sum fingerprint.Sum) {
	e.Inputs = append(e.Inputs, File{path, sum})
}

// AddOutput records a file that was written.
func (e *Event) AddOutput(path string, sum fingerprint.Sum) {
	e.Outputs = append(e.Outputs, File{path, sum})
}

// AddNote records a named fact.
func (e *Event) AddNote(name, value string) {
	e.Notes = append(e.Notes, Note{name, value})
}
