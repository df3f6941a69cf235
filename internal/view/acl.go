package view

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/command"
	"byok/internal/history"
	"byok/internal/kmdata"
	"byok/internal/stamp"
	"byok/internal/statement"
	"byok/internal/term"
)

// ACL is the permissions of one key: what the HSM says, and what was recorded.
type ACL struct {
	Key         string   `json:"key"`
	Permissions []string `json:"permissions"`
	Recorded    []string `json:"recorded"`
	// Since is what was done since a transfer copy was made: packaged, uploaded.
	Since []history.Deed `json:"since,omitempty"`
}

// CopyACL shows the permissions of a transfer copy, which were probed while it
// was on the token, and what was done with it since.
func CopyACL(c *kmdata.Chain, transferred *kmdata.Key) (ACL, error) {
	v := ACL{Key: transferred.Name(), Permissions: transferred.Permissions, Recorded: transferred.Permissions}
	k, err := c.Key(transferred.Ident)
	if err != nil {
		return v, err
	}
	shown, err := KeyWithHistory(c, k)
	for _, d := range shown.History {
		if !d.Time.Before(transferred.Created) && (d.What == history.Packaged || d.What == history.Uploaded) {
			v.Since = append(v.Since, d)
		}
	}
	return v, err
}

// groups sorts the attributes as a person asks about them.
func groups() [][]string {
	return [][]string{
		{"may", "SIGN", "SIGN_RECOVER", "VERIFY", "ENCRYPT", "DECRYPT", "WRAP", "UNWRAP", "DERIVE"},
		{"may be changed", "MODIFIABLE"},
		{"may leave the HSM", "EXTRACTABLE", "WRAP_WITH_TRUSTED"},
		{"protected", "SENSITIVE", "ALWAYS_SENSITIVE", "NEVER_EXTRACTABLE", "LOCAL", "TRUSTED"},
	}
}

// Print writes one group of attributes a line, then what differs from the record.
func (v ACL) Print(w io.Writer) error {
	rows := [][]string{{"key", v.Key}}
	for _, group := range groups() {
		for i, name := range group[1:] {
			title := ""
			if i == 0 {
				title = group[0]
			}
			rows = append(rows, []string{title, name, yesNo(slices.Contains(v.Permissions, name))})
		}
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	var since [][]string
	for _, d := range v.Since {
		since = append(since, []string{"since", stamp.Text(d.Time), d.String()})
	}
	return term.Table(w, since)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Copy is what is shown of a wrapped copy and its authorization.
type Copy struct {
	kmdata.Key
	Pair statement.Pair `json:"approved"`
	Path string         `json:"path"`
}

// CopyOf shows the newest wrapped copy of a key.
func CopyOf(c *kmdata.Chain, k *kmdata.Key) (command.Result, error) {
	_, a, err := c.Authorization(k.Copy.Number)
	if err != nil {
		return nil, err
	}
	return Copy{Key: *k, Pair: a.Pairs[k.Copy.Index], Path: filepath.Join(kmdata.Local(c.Dir()), k.Name())}, nil
}

// Print writes the copy, and the next step.
func (v Copy) Print(w io.Writer) error {
	rows := [][]string{
		{"wrapped copy", v.Name() + Mark(v.Rehearsal)}, {"type", v.Identity.String()},
		{"origin", statement.OriginText(v.Pair.Origin, v.Pair.Restored)}, {"for KEK", v.Pair.KEK.KID.String()},
		{"in the vault", v.Pair.Target.Name + ", " + strings.Join(v.Pair.Target.KeyOps, " ")},
	}
	if r := v.Pair.Replaces; r != nil {
		rows = append(rows, []string{"next version of", r.Ident})
	}
	if v.Pair.HSM != nil {
		rows = append(rows, []string{"HSM attests", v.Pair.HSM.String()})
	}
	return term.Table(w, append(rows, []string{"permissions", strings.Join(v.Permissions, " ")}, []string{"path", v.Path}))
}
