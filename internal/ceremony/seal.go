package ceremony

import (
	"fmt"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// Head is a log at one moment: how many lines it had, and the SHA-256 that the
// next event carries as Previous. Whoever keeps a head can tell later that the
// log goes on from there, and was neither cut nor rewritten before it.
type Head struct {
	Lines  int             `json:"lines"`  // 0 for an empty log
	SHA256 fingerprint.Sum `json:"sha256"` // of the last line; zeros for an empty log
}

// Anchored is the head that a signed statement carries.
type Anchored struct {
	Statement int // the statement's number
	Head      Head
	// Break is the reason that people gave, in this statement, for what is
	// missing from the log before it; "" where nothing is.
	Break string
}

// Seal is a module's signature over the log before the event that holds it.
type Seal struct {
	Module    string          `json:"module"`    // module id
	KML       fingerprint.Sum `json:"kml"`       // SHA-256 of KML's SubjectPublicKeyInfo
	Signature []byte          `json:"signature"` // of Head.Text, ECDSA with SHA-256 in DER; base64 in the log
}

// Text returns what a module signs to seal a log whose head is h. It can be
// taken for no file that a module signs otherwise, since those are JSON.
func (h Head) Text() []byte {
	return fmt.Appendf(nil, "byok ceremony log seal v1\nlines %d\nsha256 %v\n", h.Lines, h.SHA256)
}

// CheckSeals calls verify with each seal of the log and the head it seals. An
// error of verify gets status Check unless it has one; verify should find
// Module's KML in the statements, compare its hash with Seal.KML, and check
// the signature over [Head.Text].
func (r Record) CheckSeals(verify func(Head, Seal) error) error {
	for _, e := range r.Events {
		if e.Phase != Sealed {
			continue
		}
		if err := verify(Head{e.Seq - 1, e.Previous}, *e.Seal); err != nil {
			return exitcode.Mark(exitcode.Check, fmt.Errorf("%s: line %d: the seal does not hold: %w", r.Path, e.Seq, err))
		}
	}
	return nil
}

// HeadAt returns the head of the log when it had that many lines.
func (r Record) HeadAt(lines int) (head Head, ok bool) {
	if lines < 0 || lines >= len(r.sums) {
		return Head{}, false
	}
	return Head{lines, r.sums[lines]}, true
}

// Contains reports whether the log goes on from head, or ends with it.
func (r Record) Contains(head Head) bool {
	at, ok := r.HeadAt(head.Lines)
	return ok && at == head
}

// Since returns the events behind a head that the log contains.
func (r Record) Since(head Head) []Event {
	for i, e := range r.Events {
		if e.Seq > head.Lines {
			return r.Events[i:]
		}
	}
	return nil
}
