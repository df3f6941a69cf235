package onlineview

import (
	"byok/internal/approval"
	"byok/internal/fingerprint"
	"byok/internal/proof"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/term"
	"byok/internal/worlds"
	"io"
	"strconv"
	"strings"
)

// Package is a transfer package that was verified, and what a quorum
// approved.
type Package struct {
	File      string                 `json:"file"`
	SHA256    fingerprint.Sum        `json:"sha256"`
	World     worlds.World           `json:"world"`
	Rehearsal bool                   `json:"rehearsal"`
	Guard     statement.Guard        `json:"guard"`
	Number    int                    `json:"authorization"` // number of the statement
	Sum       fingerprint.Sum        `json:"authorization_sha256"`
	Present   []statement.CardHolder `json:"present"`
	Pair      statement.Pair         `json:"approved"`
}

// Print implements command.Result.
func (v Package) Print(w io.Writer) error {
	by, what := v.World.Current(), "transfer package, verified"
	if v.Rehearsal {
		what += " (REHEARSAL)"
	}
	rows := [][]string{
		{"file", what},
		{".byok", v.File},
		{"SHA-256", v.SHA256.Groups()},
		{"world", v.World.String() + ", vouched for by " + by.By},
		{"hknso", by.SHA256.Groups()},
		{"guard", string(v.Guard)},
		{"authorization", strconv.Itoa(v.Number) + ", SHA-256 " + v.Sum.Groups()},
		{"by", holders(v.Present)},
		{"key", v.Pair.Ident + ", " + v.Pair.Identity.String()},
		{"origin", statement.OriginText(v.Pair.Origin, v.Pair.Restored)},
		{"KEK", v.Pair.KEK.KID.String()},
	}
	for _, p := range approval.Compare(v.Pair.Target, v.Pair.Target) {
		rows = append(rows, []string{p.Rule, p.Is})
	}
	return term.Table(w, rows)
}

func holders(present []statement.CardHolder) string {
	var names []string
	for _, h := range present {
		names = append(names, h.Holder)
	}
	return strings.Join(names, ", ")
}

// Proof is a proof whose signature was checked again, where it has one.
type Proof struct {
	proof.Proof
	Signature   string           `json:"signature_check"`
	Fingerprint *fingerprint.Sum `json:"spki_sha256,omitempty"` // of the public key
}

// Print implements command.Result.
func (v Proof) Print(w io.Writer) error {
	rows := [][]string{
		{"file", "proof of possession by the vault"},
		{"for", string(v.Mark)},
		{"key id", v.KID.String()},
		{"time", stamp.Text(v.Time)},
		{"method", v.Method + " (" + v.Algorithm + ")"},
		{"signature", v.Signature},
		{"check value", v.CheckValue},
	}
	if v.Fingerprint != nil {
		rows = append(rows, sumRows("public key", *v.Fingerprint)...)
	}
	return term.Table(w, filled(rows))
}
