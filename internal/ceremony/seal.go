package ceremony

import (
	"fmt"

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

// Since returns those of the events behind a head that the log contains.
func (r Record) Since(head Head) []Event {
	for i, e := range r.Events {
		if e.Seq > head.Lines {
			return r.Events[i:]
		}
	}
	return nil
}
