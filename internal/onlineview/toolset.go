package onlineview

import (
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/term"
	"io"
)

// Toolset is a new toolset and the hash to publish over another channel.
type Toolset struct {
	Path           string          `json:"path"`
	SHA256         fingerprint.Sum `json:"sha256"`
	Words          []string        `json:"words"`
	KID            kek.ID          `json:"kid"`
	Mark           kek.Mark        `json:"mark"`
	Attested       bool            `json:"attested"`
	KEKFingerprint fingerprint.Sum `json:"kek_spki_sha256"`
	KEKWords       []string        `json:"kek_words"`
}

// Print implements command.Result.
func (v Toolset) Print(w io.Writer) error {
	attested := "no: compare the KEK's fingerprint over a second channel"
	if v.Attested {
		attested = "yes, and the attestation verifies"
	}
	rows := [][]string{{"toolset", v.Path}}
	rows = append(rows, sumRows("SHA-256", v.SHA256)...)
	rows = append(rows, []string{"KEK", v.KID.String()}, []string{"for", string(v.Mark)}, []string{"attested", attested})
	rows = append(rows, sumRows("KEK fingerprint", v.KEKFingerprint)...)
	return term.Table(w, rows)
}

// sumRows are a sum in hex and in words, as people compare it.
func sumRows(name string, sum fingerprint.Sum) [][]string {
	rows := [][]string{{name, sum.Groups()}}
	for _, row := range sum.Rows() {
		rows = append(rows, []string{"", row})
	}
	return rows
}
