package vault

import (
	"context"
	"fmt"
	"strings"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/kek"
)

// Copies are the other places in a vault that hold the same key.
type Copies struct {
	Found  []Key    // in the order of the vault's list; of a disabled one the ID, Created and Tags alone
	Unread []kek.ID // disabled versions, which the vault lets no one read
	Looked int      // versions that were looked at, those in Found and Unread included
}

// Copies looks through all keys of the vault and all their versions for those
// other than of that hold the key of p: by its public key, or by [TagBlob],
// the only mark of an AES key. p's Expected and Blob count. That takes a
// request for every version. An account that may not list keys gets the
// vault's refusal, an azure.Error of HTTP status 403.
func (c *Client) Copies(ctx context.Context, of kek.ID, p Import) (Copies, error) {
	var out Copies
	names, err := c.names(ctx)
	if err != nil {
		return out, err
	}
	for _, name := range names {
		all, err := c.versions(ctx, name)
		if err != nil {
			return out, err
		}
		for _, v := range all {
			if v.id.Equal(of) {
				continue
			}
			if err := out.look(ctx, c, v, p); err != nil {
				return out, err
			}
		}
	}
	return out, nil
}

func (out *Copies) look(ctx context.Context, c *Client, v version, p Import) error {
	k, same, err := c.holds(ctx, v, p)
	if err != nil {
		return err
	}
	out.Looked++
	switch {
	case same:
		out.Found = append(out.Found, k)
	case !v.enabled && p.Expected.PublicKey != nil:
		out.Unread = append(out.Unread, v.id)
	}
	return nil
}

// names lists the names of the vault's keys.
func (c *Client) names(ctx context.Context) ([]string, error) {
	var out []string
	const doing = "list the vault's keys"
	err := c.read(ctx, doing, func(ctx context.Context) error {
		out = nil
		var bound azure.ListBound
		for pages := c.keys.NewListKeyPropertiesPager(nil); pages.More(); {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return err
			}
			if err := bound.Next(value(page.NextLink), len(page.Value)); err != nil {
				return err
			}
			for _, k := range page.Value {
				if k == nil {
					continue
				}
				name, err := nameOf(string(value(k.KID)))
				if err != nil {
					return exitcode.Mark(exitcode.Check, err)
				}
				out = append(out, name)
			}
		}
		return nil
	})
	return out, err
}

// nameOf takes the name from a key identifier without a version, as lists have
// them. The versions that are listed for the name are held to the vault's own.
func nameOf(kid string) (string, error) {
	_, name, _ := strings.Cut(kid, "/keys/")
	if err := kek.CheckName(name); err != nil {
		return "", fmt.Errorf("the vault lists a key that has no identifier, %.200q", kid)
	}
	return name, nil
}
