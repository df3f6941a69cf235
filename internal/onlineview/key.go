// Package onlineview is what byok-online shows of vaults, keys, packages and
// proofs: each type is a result, as a table for people and as JSON for programs.
//
// Nothing is decided or looked up here. What byok-offline shows is in package
// view, which this one must not import: it reaches the HSM.
package onlineview

import (
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/term"
	"byok/internal/vault"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Key is the properties of a key version: those that Add-AzKeyVaultKey shows, in
// its order, then what else a person should see. Times are RFC 3339, UTC, and ""
// where there is none.
type Key struct {
	Vault         string            `json:"vault"`
	Name          string            `json:"name"`
	Kty           string            `json:"kty"`
	Bits          int               `json:"bits,omitempty"`
	Crv           string            `json:"crv,omitempty"`
	Version       string            `json:"version"`
	KID           string            `json:"kid"`
	Enabled       bool              `json:"enabled"`
	Expires       string            `json:"expires,omitempty"`
	NotBefore     string            `json:"not_before,omitempty"`
	Created       string            `json:"created,omitempty"`
	Updated       string            `json:"updated,omitempty"`
	Recovery      string            `json:"recovery_level,omitempty"`
	ReleasePolicy string            `json:"release_policy,omitempty"`
	Tags          map[string]string `json:"tags,omitempty"`
	Ops           []string          `json:"key_ops"`
	Exportable    bool              `json:"exportable"`
	HSMPlatform   string            `json:"hsm_platform,omitempty"`
	Fingerprint   *fingerprint.Sum  `json:"spki_sha256,omitempty"`
}

// OfKey returns the properties of k. The error has the status Check: the public
// key is none that the service takes.
func OfKey(k vault.Key) (Key, error) {
	v := Key{
		Vault:         k.ID.Vault,
		Name:          k.ID.Name,
		Kty:           k.Kty,
		Bits:          k.Bits,
		Crv:           k.Crv,
		Version:       k.ID.Version,
		KID:           k.ID.String(),
		Enabled:       k.Enabled,
		Expires:       stamp.Text(k.Expires),
		NotBefore:     stamp.Text(k.NotBefore),
		Created:       stamp.Text(k.Created),
		Updated:       stamp.Text(k.Updated),
		Recovery:      k.Recovery,
		ReleasePolicy: string(k.ReleasePolicy),
		Tags:          k.Tags,
		Ops:           k.Ops,
		Exportable:    k.Exportable,
		HSMPlatform:   k.HSMPlatform,
	}
	if k.PublicKey == nil {
		return v, nil
	}
	sum, err := keykind.SPKIHash(k.PublicKey)
	v.Fingerprint = &sum
	return v, err
}

// Print implements command.Result.
func (v Key) Print(w io.Writer) error {
	rows := [][]string{
		{"vault", v.Vault},
		{"name", v.Name},
		{"key type", v.Kty},
		{"key size", bitsText(v.Bits)},
		{"curve", v.Crv},
		{"version", v.Version},
		{"key id", v.KID},
		{"enabled", strconv.FormatBool(v.Enabled)},
		{"expires", v.Expires},
		{"not before", v.NotBefore},
		{"created", v.Created},
		{"updated", v.Updated},
		{"recovery level", v.Recovery},
		{"release policy", v.ReleasePolicy},
		{"tags", v.tags()},
		{"operations", strings.Join(v.Ops, " ")},
		{"exportable", strconv.FormatBool(v.Exportable)},
		{"HSM platform", v.HSMPlatform},
	}
	if v.Fingerprint != nil {
		rows = append(rows, sumRows("fingerprint", *v.Fingerprint)...)
	}
	return term.Table(w, filled(rows))
}

func (v Key) tags() string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(v.Tags)) {
		pairs = append(pairs, name+"="+v.Tags[name])
	}
	return strings.Join(pairs, " ")
}

// filled leaves out the rows that say nothing.
func filled(rows [][]string) (kept [][]string) {
	for _, row := range rows {
		if row[1] != "" {
			kept = append(kept, row)
		}
	}
	return kept
}

func bitsText(bits int) string {
	if bits == 0 {
		return ""
	}
	return strconv.Itoa(bits)
}
