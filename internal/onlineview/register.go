package onlineview

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/proof"
	"byok/internal/readback"
	"byok/internal/renewal"
	"byok/internal/stamp"
	"byok/internal/term"
)

// Renewed is what came of every key of a register.
type Renewed struct {
	Keys      []RenewedKey `json:"keys"`
	KEKs      []RenewedKEK `json:"keks,omitempty"`
	Strays    []Stray      `json:"strays,omitempty"`
	Elsewhere int          `json:"elsewhere"` // approvals without a package here, or of another vault
}

// RenewedKey is what came of one approval, or of a package that could not be read.
type RenewedKey struct {
	File          string             `json:"file"`
	World         string             `json:"world,omitempty"` // its label
	HKNSO         string             `json:"hknso,omitempty"` // of the world's first card set
	Ident         string             `json:"ident,omitempty"`
	Type          string             `json:"key_type,omitempty"` // RSA-2048, P-256, AES-256
	Authorization int                `json:"authorization,omitempty"`
	Vault         string             `json:"vault,omitempty"`
	Name          string             `json:"name,omitempty"`
	KID           string             `json:"kid,omitempty"` // of the version that was asked
	Result        string             `json:"result"`        // proved, gone, superseded, not asked, FAILED
	Detail        string             `json:"detail"`
	Status        exitcode.Code      `json:"status"` // 0 unless FAILED
	Proof         string             `json:"proof,omitempty"`
	Findings      []readback.Finding `json:"findings,omitempty"`
	Uploaded      string             `json:"uploaded,omitempty"` // as the record says
	Earlier       []string           `json:"earlier,omitempty"`  // times of the proofs in the record
	Retired       string             `json:"retired,omitempty"`  // on the HSM
}

// RenewedKEK is how a KEK of the register stands.
type RenewedKEK struct {
	KID    string `json:"kid"`
	State  string `json:"state"` // open, closed, gone, REOPENED, not known
	Detail string `json:"detail"`
	Closed string `json:"closed,omitempty"` // as the record says
}

// Stray is a proof that is not in the register.
type Stray struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// OfOutcome returns what came of a register.
func OfOutcome(o renewal.Outcome) Renewed {
	v := Renewed{Keys: []RenewedKey{}, Elsewhere: o.Elsewhere}
	for _, e := range o.Entries {
		v.Keys = append(v.Keys, ofEntry(e))
	}
	for _, k := range o.KEKs {
		v.KEKs = append(v.KEKs, RenewedKEK{k.KID.String(), string(k.State), k.Detail, stamp.Text(k.Closed)})
	}
	for _, s := range o.Strays {
		v.Strays = append(v.Strays, Stray{s.File, s.Why.Error()})
	}
	return v
}

func ofEntry(e renewal.Entry) RenewedKey {
	v := RenewedKey{
		File: e.File, Result: string(e.Result), Detail: e.Detail, Status: exitcode.Of(e.Err),
		Proof: e.Proof, Findings: e.Report.Findings,
	}
	if !e.Report.Key.ID.IsZero() {
		v.KID = e.Report.Key.ID.String()
	}
	if e.Destination == nil {
		return v
	}
	v.World, v.HKNSO, v.Ident, v.Type = e.Key.Label, e.Key.World.String(), e.Key.Ident, e.Key.Identity.String()
	v.Authorization, v.Vault, v.Name = e.Destination.Number, e.Destination.Target.Vault, e.Destination.Target.Name
	v.Uploaded, v.Retired = stamp.Text(e.Destination.Uploaded), stamp.Text(e.Key.Retired)
	for _, p := range e.Destination.Proofs {
		v.Earlier = append(v.Earlier, stamp.Text(p.Time))
	}
	return v
}

// Print implements command.Result.
func (v Renewed) Print(w io.Writer) error {
	rows := [][]string{{"RESULT", "KEY", "VAULT", "STATEMENT", "PROOF, OR WHY"}}
	count := map[string]int{}
	for _, k := range v.Keys {
		count[k.Result]++
		rows = append(rows, k.row())
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	if len(v.KEKs) > 0 {
		rows = [][]string{{"KEK", "IDENTIFIER", ""}}
		for _, k := range v.KEKs {
			rows = append(rows, []string{k.State, k.KID, k.Detail})
		}
		if err := term.Table(w, rows); err != nil {
			return err
		}
	}
	for _, s := range v.Strays {
		if _, err := fmt.Fprintf(w, "not in the register: %s\n", term.Printable(s.File)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%s\n", summary(count))
	return err
}

func (k RenewedKey) row() []string {
	if k.Name == "" {
		return []string{k.Result, k.File, "", "", ""}
	}
	last := k.Proof
	if k.Status == exitcode.Done && last == "" {
		last = k.Detail
	}
	return []string{k.Result, k.Name, k.Vault, strconv.Itoa(k.Authorization), last}
}

// summary counts the results, those that every run has first.
func summary(count map[string]int) string {
	var all []string
	for _, r := range []renewal.Result{
		renewal.Proved, renewal.Failed, renewal.Gone, renewal.Superseded, renewal.NotAsked,
	} {
		if n := count[string(r)]; n > 0 || r == renewal.Proved || r == renewal.Failed {
			all = append(all, fmt.Sprintf("%d %s", n, strings.ToLower(string(r))))
		}
	}
	return strings.Join(all, ", ")
}

// Rechecked is a proof that was checked again without a vault.
type Rechecked struct {
	File string `json:"file"`
	proof.Proof
	Against string `json:"against"` // the manifest, or the public key; "" for the key in the proof alone
	World   string `json:"world,omitempty"`
	Ident   string `json:"ident,omitempty"`
	Number  int    `json:"authorization,omitempty"`
}

// Print implements command.Result.
func (v Rechecked) Print(w io.Writer) error {
	signature := "none: for " + v.Method + " the proof is the program's word"
	if v.Signed() {
		signature = "holds, with " + v.Algorithm
	}
	approved := ""
	if v.Number > 0 {
		approved = v.Ident + " by statement " + strconv.Itoa(v.Number) + " of " + v.World
	}
	return term.Table(w, filled([][]string{
		{"proof", v.File},
		{"for", string(v.Mark)},
		{"key id", v.KID.String()},
		{"time", stamp.Text(v.Time)},
		{"signature", signature},
		{"compared with", v.Against},
		{"approved", approved},
		{"shows", v.shows()},
		{"does not show", "that the vault answered: who has the original can answer as well"},
	}))
}

// shows says what the proof proves to whoever reads it.
func (v Rechecked) shows() string {
	if !v.Signed() {
		return "nothing that can be checked again"
	}
	return "that someone who has the key signed this challenge"
}
