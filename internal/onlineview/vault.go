package onlineview

import (
	"byok/internal/azure"
	"byok/internal/readback"
	"byok/internal/stamp"
	"byok/internal/term"
	"byok/internal/vault"
	"io"
)

// Verified is what the vault showed, rule by rule, and where the proof is.
type Verified struct {
	KID      string             `json:"kid"`
	Findings []readback.Finding `json:"findings"`
	File     string             `json:"file,omitempty"` // the proof's; "" where a rule does not hold
}

// Print implements command.Result.
func (v Verified) Print(w io.Writer) error {
	rows := [][]string{{"", "RULE", "FOUND"}}
	for _, f := range v.Findings {
		rows = append(rows, []string{string(f.Result), f.Rule, f.Detail})
	}
	if err := term.Table(w, [][]string{{"key id", v.KID}}); err != nil {
		return err
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	return term.Table(w, filled([][]string{{"proof", v.File}}))
}

// Deleted is a KEK that no package can be imported with any more.
type Deleted struct {
	KID     string `json:"kid"` // of its newest version; without one where it was deleted before
	Deleted string `json:"deleted"`
	Purged  string `json:"purged"`
	Before  bool   `json:"before"` // it was deleted before; nothing was done
}

// OfDeleted returns a KEK that was deleted now, or that was before.
func OfDeleted(kid string, d vault.Deleted, before bool) Deleted {
	return Deleted{KID: kid, Deleted: stamp.Text(d.DeletedAt), Purged: stamp.Text(d.PurgeAt), Before: before}
}

// Print implements command.Result.
func (v Deleted) Print(w io.Writer) error {
	what := "deleted"
	if v.Before {
		what = "deleted before"
	}
	return term.Table(w, filled([][]string{{what, v.KID}, {"at", v.Deleted}, {"name free again", v.Purged}}))
}

// Identity is who is signed in.
type Identity struct{ azure.Identity }

// Print implements command.Result.
func (v Identity) Print(w io.Writer) error {
	kind := "person"
	if v.Application {
		kind = "application"
	}
	return term.Table(w, filled([][]string{
		{"account", v.Account},
		{"name", v.Name},
		{"kind", kind},
		{"object id", v.ObjectID},
		{"tenant", v.Tenant},
		{"cloud", v.Cloud},
		{"until", stamp.Text(v.Expires)},
	}))
}
