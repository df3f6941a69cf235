// Package view shows worlds, keys, checks and approvals to people, and as JSON.
package view

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/history"
	"byok/internal/kmdata"
	"byok/internal/printable"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/term"
	"byok/internal/worldcheck"
)

// World is what is shown of a world.
type World struct {
	Label      string          `json:"label"`
	Rehearsal  bool            `json:"rehearsal"`
	Guard      statement.Guard `json:"guard"`
	Modules    []Module        `json:"modules"`
	Suite      string          `json:"cipher_suite"`
	Quorum     string          `json:"quorum"`
	Holders    []string        `json:"holders"`
	CardSet    int             `json:"card_set"`
	FirstHKNSO fingerprint.Sum `json:"first_hknso"`
	HKNSO      fingerprint.Sum `json:"hknso"`
	Words      []string        `json:"hknso_words"`
	Statement  int             `json:"last_statement"`
	LastWords  string          `json:"last_statement_words"`
	Created    string          `json:"created"`
	// Replaced are the keys that others follow.
	Replaced []Replaced `json:"replaced,omitempty"`
}

// Replaced is a key that another one follows.
type Replaced struct {
	Ident string `json:"ident"`
	By    string `json:"by"`
}

// Module is one module of a world.
type Module struct {
	Module  string          `json:"module"`
	Token   statement.Token `json:"token"`
	Library string          `json:"library"`
	SHA256  string          `json:"library_sha256"`
	Guard   statement.Guard `json:"guard"`
	// RightsPerLogin: the operator's login exports nothing.
	RightsPerLogin bool `json:"rights_per_login,omitzero"`
	CardSet        int  `json:"card_set"`
	// Trust is how TRUSTED came to its keys; "" where its statement does not say.
	Trust statement.TrustRoute `json:"trust_route,omitzero"`
	// VendorQuorum is stated by a person, and not proved.
	VendorQuorum string `json:"vendor_quorum,omitzero"`
}

// WorldOf shows the world whose statements are verified.
func WorldOf(c *kmdata.Chain) World {
	set, last := c.Set().Cards, c.Last()
	v := World{
		Label: c.World().Label, Rehearsal: c.Rehearsal(), Guard: c.World().Guard, Suite: c.World().Suite,
		Quorum: set.Quorum.String(), Holders: set.Holders, CardSet: set.Number, FirstHKNSO: c.FirstHKNSO(),
		HKNSO: c.HKNSO(), Words: c.HKNSO().Words(), Statement: last.Number(), LastWords: last.Sum.FirstWords(8),
		Created: stamp.Text(c.World().Time), Modules: []Module{},
	}
	for _, m := range c.Modules() {
		v.Modules = append(
			v.Modules,
			Module{
				Module:         m.Module,
				Token:          m.Token,
				Library:        m.Library.Path,
				SHA256:         m.Library.SHA256.String(),
				Guard:          m.Guard,
				RightsPerLogin: m.RightsPerLogin,
				CardSet:        m.CardSet,
				Trust:          m.Trust,
				VendorQuorum:   m.VendorQuorum,
			},
		)
	}
	files, _ := c.Readable() // world check says what is wrong with the others
	for _, k := range files {
		if r := c.Replaces(k); r != nil {
			v.Replaced = append(v.Replaced, Replaced{r.Ident, k.Ident})
		}
	}
	return v
}

// Print writes the world, its card holders and its modules.
func (v World) Print(w io.Writer) error {
	rows := [][]string{{"security world", v.Label + Mark(v.Rehearsal)}, {"guard", string(v.Guard)}}
	for _, m := range v.Modules {
		rows = append(rows, []string{"module", m.Token.String()}, []string{"library", m.Library})
		if m.RightsPerLogin {
			rows = append(rows, []string{"rights per login", "the operator's exports nothing, the quorum's does"})
		}
		if m.Trust != "" {
			rows = append(rows, []string{"keys trusted", string(m.Trust)})
		}
		if m.VendorQuorum != "" {
			rows = append(rows, []string{"vendor's quorum", m.VendorQuorum + " (stated, not proved)"})
		}
		if m.CardSet != v.CardSet {
			rows = append(rows, []string{"", fmt.Sprintf("STILL OPEN to card set %d", m.CardSet)})
		}
	}
	rows = append(rows, []string{"cipher suite", v.Suite}, []string{"quorum", v.Quorum}, []string{"created", v.Created})
	for i, holder := range v.Holders {
		rows = append(rows, []string{fmt.Sprintf("card %d", i+1), holder})
	}
	if v.FirstHKNSO != v.HKNSO {
		rows = append(rows, []string{"first hknso", v.FirstHKNSO.Groups()})
	}
	rows = append(rows, []string{"hknso", v.HKNSO.Groups()})
	for _, row := range v.HKNSO.Rows() {
		rows = append(rows, []string{"", row})
	}
	for _, r := range v.Replaced {
		rows = append(rows, []string{"key replaced", r.Ident + ", by " + r.By})
	}
	rows = append(rows, []string{"last statement", strconv.Itoa(v.Statement)}, []string{"", v.LastWords})
	return term.Table(w, rows)
}

// Mark is the word for what a world is for.
func Mark(rehearsal bool) string {
	if rehearsal {
		return " (REHEARSAL)"
	}
	return ""
}

// Backup says what was copied.
type Backup struct {
	Dir   string `json:"dir"`
	Files int    `json:"files"`
	Last  int    `json:"last_statement"`
	Words string `json:"last_statement_words"`
}

// Print writes where the copy is, and how many files it has.
func (v Backup) Print(w io.Writer) error {
	return term.Table(w, [][]string{
		{"copy", v.Dir}, {"files", strconv.Itoa(v.Files)}, {"last statement", strconv.Itoa(v.Last)}, {"", v.Words},
	})
}

// Checks prints a check a line.
type Checks struct {
	Checks []worldcheck.Row `json:"checks"`
}

// Print writes the checks as a table.
func (v Checks) Print(w io.Writer) error {
	rows := make([][]string, 0, len(v.Checks))
	for _, row := range v.Checks {
		rows = append(rows, []string{string(row.Outcome), row.What, row.Detail})
	}
	return term.Table(w, rows)
}

// Key is what is shown of a key.
type Key struct {
	kmdata.Key
	Path        string          `json:"path"`
	Fingerprint fingerprint.Sum `json:"public_key_spki_sha256,omitzero"`
	Proved      string          `json:"origin_now"` // what the newest statement says
	Retired     bool            `json:"retired"`
	ReplacedBy  []string        `json:"replaced_by,omitempty"` // idents of the keys that follow it
	History     []history.Deed  `json:"history,omitempty"`     // of key show and key list
}

// KeyOf shows a key with its origin as the newest statement has it.
func KeyOf(c *kmdata.Chain, k *kmdata.Key) (Key, error) { return keyOf(c, k, c.Followers(k.Ident)) }

func keyOf(c *kmdata.Chain, k *kmdata.Key, followers []string) (Key, error) {
	v := Key{Key: *k, Path: c.KeyPath(k.Ident)}
	if !k.Secret() {
		sum, err := k.Identity.Fingerprint()
		if err != nil {
			return v, err
		}
		v.Fingerprint = sum
	}
	v.Proved, v.Key.Replaces = originNow(c, k), c.Replaces(k)
	retired, err := c.Retired(k.Ident)
	if err != nil {
		return v, err
	}
	v.Retired = retired != nil
	v.ReplacedBy = followers
	return v, nil
}

// KeyWithHistory is [KeyOf] with all that became of the key.
func KeyWithHistory(c *kmdata.Chain, k *kmdata.Key) (Key, error) {
	return withHistory(c, historyOf(c), k, c.Followers(k.Ident))
}

// historyOf is what became of every key, as far as the log can be read: ceremony
// verify says what is wrong with it.
func historyOf(c *kmdata.Chain) *history.Record {
	past := history.New(c)
	_, _ = ceremony.Reading{Each: past.Add}.Check(c.Dir())
	return past
}

func withHistory(c *kmdata.Chain, past *history.Record, k *kmdata.Key, followers []string) (Key, error) {
	v, err := keyOf(c, k, followers)
	if err == nil {
		v.History, err = past.Of(k)
	}
	return v, err
}

// originNow is what the newest statement says of a key, on the module it names.
func originNow(c *kmdata.Chain, k *kmdata.Key) string {
	o, found := c.Origin(k.Ident)
	if !found || !o.Identity.Same(k.Identity) {
		return statement.OriginText(statement.OriginUnproved, false)
	}
	return statement.OriginText(o.Origin, o.Restored)
}

// Print writes the key, a property a line.
func (v Key) Print(w io.Writer) error {
	rows := [][]string{
		{"key", v.Name() + Mark(v.Rehearsal)}, {"plain name", v.PlainName}, {"type", v.Identity.String()},
		{
			"origin",
			v.Proved,
		}, {"permissions", strings.Join(v.Permissions, " ")}, {"module", v.Module}, {"created", stamp.Text(v.Created)},
	}
	if v.CheckValue != "" {
		rows = append(rows, []string{"check value", v.CheckValue})
	}
	if v.Replaces != nil {
		rows = append(rows, []string{"replaces", v.Replaces.Ident})
	}
	if len(v.ReplacedBy) > 0 {
		rows = append(rows, []string{"replaced by", strings.Join(v.ReplacedBy, ", ")})
	}
	if v.Frozen {
		rows = append(rows, []string{"frozen", "the original can no longer be wrapped"})
	}
	if v.Retired {
		rows = append(rows, []string{"retired", "destroyed on the token; the backup remains"})
	}
	if v.PublicKey != "" {
		rows = append(rows, []string{"public key", v.Fingerprint.Groups()})
	}
	rows = append(rows, []string{"path to key", v.Path})
	for i, d := range v.History {
		title := ""
		if i == 0 {
			title = "history"
		}
		rows = append(rows, []string{title, stamp.Text(d.Time) + "  " + d.String()})
	}
	return term.Table(w, rows)
}

// KeyList is a table of keys.
type KeyList struct {
	Keys []Key `json:"keys"`
}

// KeysOf shows keys of a world.
func KeysOf(c *kmdata.Chain, files []*kmdata.Key) (list KeyList, damaged error) {
	list.Keys = []Key{}
	past, followers := historyOf(c), c.FollowersAmong(files)
	for _, k := range files {
		one, err := withHistory(c, past, k, followers[k.Ident])
		if err != nil {
			damaged = errors.Join(damaged, err)
			continue
		}
		list.Keys = append(list.Keys, one)
	}
	return list, damaged
}

// Print writes a key a line.
func (l KeyList) Print(w io.Writer) error {
	rows := [][]string{{"IDENT", "TYPE", "ORIGIN", "PLAIN NAME", "STATE"}}
	for _, k := range l.Keys {
		origin, _, _ := strings.Cut(k.Proved, ":")
		rows = append(rows, []string{k.Ident, k.Identity.String(), origin, k.PlainName, k.state()})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, printable.Count(len(l.Keys), "key"))
	return err
}

// state is where a key stands: what was done with it last, whether it is frozen,
// and which keys it follows and is followed by.
func (v Key) state() string {
	var all []string
	if v.Retired {
		all = append(all, history.Retired)
	} else {
		all = v.lastDeed()
	}
	if v.Replaces != nil {
		all = append(all, "replaces "+v.Replaces.Ident)
	}
	if len(v.ReplacedBy) > 0 {
		all = append(all, "replaced by "+strings.Join(v.ReplacedBy, ", "))
	}
	return strings.Join(all, ", ")
}

// lastDeed is what was done with a key last, and whether it is frozen.
func (v Key) lastDeed() (all []string) {
	for _, d := range slices.Backward(v.History) {
		if d.What != history.Frozen {
			all = append(all, d.What) // key show says for what
			break
		}
	}
	if v.Frozen {
		all = append(all, history.Frozen)
	}
	return all
}
