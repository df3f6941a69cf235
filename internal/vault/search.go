package vault

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/ordered"
	"byok/internal/stamp"
	"byok/internal/transfer"
)

// ExpectedOf returns what the key that a quorum approved must look like in a
// vault. The error has the status Check.
func ExpectedOf(f transfer.Facts) (Expected, error) {
	kind, err := f.Pair.Kind()
	if err != nil {
		return Expected{}, exitcode.Errorf(exitcode.Check, "the approved key: %v", err)
	}
	e := Expected{Kty: kind.KTY, Crv: kind.Curve, Bits: kind.Bits, Authorization: f.Sum}
	if f.Pair.Secret() {
		e.CheckValue, err = hex.DecodeString(f.Pair.CheckValue)
		return e, exitcode.Mark(exitcode.Check, err)
	}
	e.PublicKey = f.Pair.Public()
	return e, nil
}

// Compare fails, status Check, unless k can be the expected key. An AES key
// shows nothing to compare but its type: that takes Prove. soft accepts a
// software key, as test vaults have them.
func (e Expected) Compare(k Key, soft bool) error {
	kty := k.Kty
	if soft && kty+"-HSM" == e.Kty {
		kty = e.Kty
	}
	switch {
	case kty != e.Kty:
		return exitcode.Errorf(exitcode.Check, "key %s is of type %s in the vault, not %s", k.ID, k.Kty, e.Kty)
	case k.Crv != e.Crv:
		return exitcode.Errorf(exitcode.Check, "key %s is on curve %s in the vault, not %s", k.ID, k.Crv, e.Crv)
	case e.PublicKey == nil || keykind.SamePublicKey(e.PublicKey, k.PublicKey):
		return nil
	case e.Given:
		return exitcode.Errorf(exitcode.Check, "key %s has a different public key in the vault than --public-key",
			k.ID).
			Hint("check that --public-key belongs to this key; do not use the key before that is clear")
	default:
		return exitcode.Errorf(exitcode.Check, "key %s has a different public key in the vault than in the package",
			k.ID).
			Hint("do not use this key; find out who or what answers for %s", k.ID.Vault)
	}
}

func (p Import) compare(k Key, soft bool) error {
	if err := p.Expected.Compare(k, soft); err != nil {
		return err
	}
	if !sameOps(k.Ops, p.Ops) {
		return exitcode.Errorf(exitcode.Check, "key %s has the operations %s in the vault, not %s", k.ID,
			strings.Join(k.Ops, ", "), strings.Join(p.Ops, ", ")).
			Hint("the operations of a version can be changed in the vault; --force-new-version imports another")
	}
	return nil
}

// differs says what the import asks for and the version does not have, or "".
func (p Import) differs(k Key) string {
	switch nbf, exp := p.NotBefore.Truncate(time.Second), p.Expires.Truncate(time.Second); {
	case p.Disabled && k.Enabled:
		return "it is enabled"
	case !exp.IsZero() && !exp.Equal(k.Expires):
		return "its expiry date is " + dated(k.Expires)
	case !nbf.IsZero() && !nbf.Equal(k.NotBefore):
		return "its start date is " + dated(k.NotBefore)
	case p.Exportable && (!k.Exportable || len(k.ReleasePolicy) == 0):
		return "it is not exportable under a release policy"
	}
	for _, name := range slices.Sorted(maps.Keys(p.Tags)) {
		if v, there := k.Tags[name]; !there || v != p.Tags[name] {
			return fmt.Sprintf("tag %s=%s is missing", name, p.Tags[name])
		}
	}
	return ""
}

func dated(t time.Time) string {
	if t.IsZero() {
		return "not set"
	}
	return stamp.Text(t)
}

// version is a line of the list of a key's versions.
type version struct {
	id      kek.ID
	created time.Time
	enabled bool
	blob    string // the tag TagBlob; the others are not kept
}

// versions lists the versions of a key, newest first; none for a name that is
// not there.
func (c *Client) versions(ctx context.Context, name string) ([]version, error) {
	var out []version
	doing := "list the versions of key " + name
	err := c.read(ctx, doing, func(ctx context.Context) error {
		out = nil
		var bound azure.ListBound
		for pages := c.keys.NewListKeyPropertiesVersionsPager(name, nil); pages.More(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			if err := bound.Next(value(page.NextLink), len(page.Value)); err != nil {
				return err
			}
			for _, v := range page.Value {
				if v == nil || v.Attributes == nil {
					continue
				}
				id, err := c.identifier(name, v.KID)
				if err != nil {
					return exitcode.Mark(exitcode.Check, err)
				}
				out = append(out,
					version{id, value(v.Attributes.Created), value(v.Attributes.Enabled), value(v.Tags[TagBlob])})
			}
		}
		return nil
	})
	_, err = present(err)
	ordered.Sort(out, func(a, b version) int { return cmp.Compare(b.created.Unix(), a.created.Unix()) })
	return out, err
}

// search returns the versions of p.Name that hold the key of p, newest first,
// without those in except.
func (c *Client) search(ctx context.Context, p Import, except []Key) ([]Key, error) {
	all, err := c.versions(ctx, p.Name)
	if err != nil {
		return nil, err
	}
	var found []Key
	for _, v := range all {
		if slices.ContainsFunc(except, func(k Key) bool { return k.ID.Equal(v.id) }) {
			continue
		}
		k, same, err := c.holds(ctx, v, p)
		if err != nil {
			return nil, err
		}
		if same {
			found = append(found, k)
		}
	}
	return found, nil
}

// holds reports whether a version is p's: by its public key, or by TagBlob
// where there is none to compare.
func (c *Client) holds(ctx context.Context, v version, p Import) (Key, bool, error) {
	ours := v.blob == p.tag()
	if p.Expected.PublicKey == nil && !ours {
		return Key{}, false, nil
	}
	k, err := c.Key(ctx, v.id.Name, v.id.Version)
	switch there, err := present(err); {
	case err == nil:
		same := p.Expected.PublicKey == nil || keykind.SamePublicKey(p.Expected.PublicKey, k.PublicKey)
		return k, there && same, nil
	case ours && !v.enabled && disabled(err):
		return Key{ID: v.id, Created: v.created, Tags: map[string]string{TagBlob: v.blob}}, true, nil
	case v.enabled || ours:
		return Key{}, false, err
	}
	return Key{}, false, nil // disabled, unreadable, and another package's
}

// Find returns the newest version of the key called name that has the public
// key of e; false when there is none.
func (c *Client) Find(ctx context.Context, name string, e Expected) (Key, bool, error) {
	if e.PublicKey == nil {
		return Key{}, false, exitcode.Errorf(exitcode.Usage, "key %s: there is no public key to find it by", name)
	}
	found, err := c.search(ctx, Import{Name: name, Expected: e}, nil)
	if err != nil || len(found) == 0 {
		return Key{}, false, err
	}
	return found[0], true, nil
}
