package worldcheck

import (
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
)

// keys checks every key file, and its key on the token.
func (c *checker) keys(watch func(n int) Progress) {
	names, err := c.Chain.KeyNames()
	if err != nil {
		c.note("key files", "", err)
		c.blind = "the key files could not be listed"
		return
	}
	did := func() {}
	if watch != nil {
		progress := watch(len(names))
		defer progress.Done()
		did = func() { progress.Add(1) }
	}
	for _, name := range names {
		did()
		k, err := c.Chain.Key(strings.TrimPrefix(name, kmdata.KeyName(kmdata.Simple, "")))
		if err != nil {
			c.note(name, "", err)
			c.blind = name + " does not verify"
			continue
		}
		c.known[name] = classesOf(k)
		c.key(k)
	}
	c.unfiled()
}

// unfiled names the keys of which only statements are left.
func (c *checker) unfiled() {
	unfiled, err := c.Chain.Unfiled()
	if err != nil {
		c.note("key files", "", err)
	}
	for _, s := range unfiled {
		c.note(kmdata.KeyName(kmdata.Simple, s.Ident), "", c.Chain.Lacks(s))
	}
}

// classesOf are the classes of a key's objects.
func classesOf(k *kmdata.Key) []hsm.Class {
	if k.Secret() {
		return []hsm.Class{hsm.SecretKey}
	}
	return []hsm.Class{hsm.PublicKey, hsm.PrivateKey}
}

// key checks one key on the token against its file.
func (c *checker) key(k *kmdata.Key) {
	retired, err := c.Chain.Retired(k.Ident)
	if err != nil {
		c.note(k.Name(), "", err)
		return
	}
	there := len(c.index.labelled[k.Name()]) > 0
	switch {
	case retired != nil && there:
		c.fail(k.Name(), "it was retired, but is on the token")
	case retired != nil:
		c.note(k.Name(), "retired, and no longer on the token", nil)
	case !there && c.elsewhere(k):
		c.note(k.Name(), "another module of the world has it", nil)
	default:
		detail, err := c.compare(k)
		c.note(k.Name(), detail, err)
	}
}

// elsewhere reports whether a key belongs to another module that is in force:
// that module signed its file, and no statement says that it was ever on this
// one.
func (c *checker) elsewhere(k *kmdata.Key) bool {
	if _, found := c.Chain.OriginOn(k.Ident, c.Module.Module); found || k.Module == c.Module.Module {
		return false
	}
	_, err := c.Chain.Module(k.Module)
	return err == nil
}

func (c *checker) compare(k *kmdata.Key) (string, error) {
	key, err := c.User.KeyIn(c.index.near(k.Name()), k.Name())
	if err != nil {
		return "", err
	}
	if err := c.User.Proves(key, session.Wanted(k.Identity)); err != nil {
		return "", err
	}
	live, err := c.User.Permissions(key)
	if err != nil {
		return "", err
	}
	if recorded := keys.Recorded(c.Chain, k, c.Module.Module); !slices.Equal(live, recorded) {
		return "", exitcode.Errorf(exitcode.Check, "the token shows %s, and %s was recorded",
			strings.Join(live, " "), strings.Join(recorded, " "))
	}
	replaces, err := keys.Followed(c.Chain, k)
	if err != nil {
		return "", err
	}
	origin, restored := c.Chain.OriginOf(k.Ident, k.Identity, c.Module.Module)
	detail := fmt.Sprintf("%v; origin %s", k.Identity, statement.OriginText(origin, restored))
	if replaces != nil {
		detail += "; replaces " + replaces.Ident
	}
	return detail, nil
}
