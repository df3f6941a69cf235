package statement

import (
	"errors"
	"fmt"

	"byok/internal/fingerprint"
)

// The origins of a key: how it is known that its value never left the token.
const (
	OriginQuorum   = "quorum"   // generated in a quorum's presence, its backup proved
	OriginUnproved = "unproved" // the operator may know its value
)

// Origin is the statement about where a key comes from, and the backup that
// was proved. The newest of an ident counts, for the key and module it names.
type Origin struct {
	Header
	Ident    string `json:"ident"`
	Identity        // the key
	Origin   string `json:"origin"`
	// Restored marks a key that came from its backup. Restoring never improves
	// an origin.
	Restored   bool            `json:"restored"`
	Module     string          `json:"module"`
	Attributes []string        `json:"attributes"` // PKCS#11 attributes that were true, without CKA_
	Backup     fingerprint.Sum `json:"backup_sha256"`
	// Replaces is the key that this one follows. It never changes.
	Replaces *Replaced `json:"replaces,omitzero"`
}

func (o *Origin) check() error {
	if err := CheckIdent(o.Ident); err != nil {
		return fmt.Errorf("field ident: %w", err)
	}
	if err := CheckModuleID(o.Module); err != nil {
		return err
	}
	if err := CheckOrigin(o.Origin); err != nil {
		return err
	}
	if o.Backup.IsZero() {
		return errors.New("field backup_sha256 is missing")
	}
	if err := o.Identity.Check(); err != nil {
		return err
	}
	return o.Replaces.Check(o.Ident, o.Identity)
}

// CheckOrigin accepts [OriginQuorum] and [OriginUnproved].
func CheckOrigin(origin string) error {
	if origin != OriginQuorum && origin != OriginUnproved {
		return fmt.Errorf("field origin: expected %s or %s", OriginQuorum, OriginUnproved)
	}
	return nil
}

// OriginText words an origin for people.
func OriginText(origin string, restored bool) string {
	text := "unproved: the operator may know its value"
	if origin == OriginQuorum {
		text = "quorum: generated with the card holders present"
	}
	if restored {
		text += " (restored)"
	}
	return text
}
