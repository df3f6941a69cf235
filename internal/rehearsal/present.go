package rehearsal

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"

	"byok/internal/base64url"
	"byok/internal/ordered"
	"byok/internal/rehearsal/store"
	"byok/internal/rehearsal/wire"
)

// recoverableDays is how long a deleted key can be recovered: the service's
// default. Nothing is purged here when they are over.
const recoverableDays = 90

// pageSize is the service's largest page, and its default.
const pageSize = 25

func (v *vault) kid(name, version string) string { return v.url + "/keys/" + name + "/" + version }

// bundle shows a version as get, create and import do.
func (v *vault) bundle(name string, key store.Version) wire.Bundle {
	b := wire.Bundle{Attributes: attributesOf(key), Policy: key.Policy, Tags: key.Tags}
	key.Material.Describe(&b.Key)
	b.Key.KID, b.Key.Type, b.Key.Ops = v.kid(name, key.Version), key.Type, key.Ops
	return b
}

// attributesOf shows the attributes of a version.
func attributesOf(k store.Version) wire.Attributes {
	return wire.Attributes{
		Enabled: &k.Enabled, NotBefore: wire.Seconds(k.NotBefore), Expires: wire.Seconds(k.Expires),
		Created: wire.Seconds(k.Created), Updated: wire.Seconds(k.Updated), Exportable: &k.Exportable,
		RecoveryLevel: "Recoverable+Purgeable", RecoverableDays: recoverableDays,
		HSMPlatform: "2", // FIPS 140-3 level 3: the claim of the service it plays
	}
}

func (v *vault) deletion(r store.Record) wire.Deletion {
	return wire.Deletion{
		RecoveryID: v.url + "/deletedkeys/" + r.Name,
		Deleted:    wire.Seconds(r.Deleted), PurgeAt: wire.Seconds(r.Deleted.AddDate(0, 0, recoverableDays)),
	}
}

// listKeys lists the keys without versions: GET /keys.
func (v *vault) listKeys(c *call) (any, error) {
	return v.page(c, "/keys", v.items(false))
}

// listDeleted lists the deleted keys: GET /deletedkeys.
func (v *vault) listDeleted(c *call) (any, error) {
	return v.page(c, "/deletedkeys", v.items(true))
}

func (v *vault) items(deleted bool) []wire.Item {
	items := []wire.Item{}
	for _, r := range v.keys.All(deleted) {
		i := wire.Item{KID: v.url + "/keys/" + r.Name, Attributes: attributesOf(r.Current()), Tags: r.Current().Tags}
		if deleted {
			i.Deletion = v.deletion(r)
		}
		items = append(items, i)
	}
	return items
}

// listVersions lists a key's versions, none for a key that does not exist:
// GET /keys/{name}/versions.
func (v *vault) listVersions(c *call) (any, error) {
	items := []wire.Item{}
	if r, err := v.keys.Live(c.name); err == nil {
		for _, key := range r.Versions {
			items = append(items, wire.Item{KID: v.kid(r.Name, key.Version), Attributes: attributesOf(key), Tags: key.Tags})
		}
	}
	return v.page(c, "/keys/"+c.name+"/versions", items)
}

// page returns the items after $skiptoken in the order of their identifiers,
// which for versions is not chronological: the service promises no order either.
func (v *vault) page(c *call, path string, items []wire.Item) (any, error) {
	size, err := pageOf(c.query)
	if err != nil {
		return nil, err
	}
	ordered.Sort(items, func(a, b wire.Item) int { return cmp.Compare(a.KID, b.KID) })
	last, err := base64url.Decode(c.query.Get("$skiptoken"))
	if err != nil {
		return nil, wire.BadParameter("Invalid $skiptoken").Because(err)
	}
	items = slices.DeleteFunc(items, func(i wire.Item) bool { return i.KID <= string(last) })
	if len(items) <= size {
		return wire.List{Value: items}, nil
	}
	next := url.Values{"api-version": c.query["api-version"], "maxresults": {strconv.Itoa(size)}}
	next.Set("$skiptoken", base64url.Encode([]byte(items[size-1].KID)))
	link := v.url + path + "?" + next.Encode()
	return wire.List{Value: items[:size], NextLink: &link}, nil
}

func pageOf(query url.Values) (int, error) {
	asked := query.Get("maxresults")
	if asked == "" {
		return pageSize, nil
	}
	n, err := strconv.Atoi(asked)
	if err != nil || n < 1 || n > pageSize {
		return 0, wire.BadParameter("Invalid maxresults: %s. It must be between 1 and %d", asked, pageSize) // our text
	}
	return n, nil
}
