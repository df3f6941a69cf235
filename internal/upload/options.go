package upload

import (
	"maps"
	"slices"
	"time"

	"byok/internal/approval"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/keykind"
	"byok/internal/statement"
	"byok/internal/vault"
)

// Options are what the person asks of every key of an upload. The zero value
// takes everything from the packages.
type Options struct {
	// What a quorum approves. For a package of this project these only repeat the
	// authorization: another value is refused. Zero values repeat nothing.
	Name          string
	Ops           []string
	Exportable    bool
	ReleasePolicy []byte // JSON; the authorization holds its SHA-256 alone

	// Policies are release policies of which each package takes the one whose
	// SHA-256 was approved, where ReleasePolicy is not given.
	Policies [][]byte

	// What the quorum leaves to whoever uploads.
	Tags      map[string]string
	NotBefore time.Time // zero: none
	Expires   time.Time // zero: none
	Disabled  bool

	// Planned is what a plan says of the packages, by their paths; nil without one.
	Planned map[string]Planned

	NewVersion bool // import even where the vault has the key already
	Recover    bool // bring a deleted key of the name back, and make this its newest version

	// Foreign says what the packages of another vendor's tool hold, which have
	// neither manifest nor authorization; nil for packages of this project.
	Foreign *Foreign
}

// Planned is what a plan says of one package.
type Planned struct {
	Vault     string    // URL
	NotBefore time.Time // zero: none
	Expires   time.Time // zero: none
}

// planned is o with what the plan says of the package at file, which must be for the
// plan's vault.
func (o Options) planned(file, approved string) (Options, error) {
	p, found := o.Planned[file]
	if !found {
		return o, nil
	}
	if p.Vault != approved {
		return o, exitcode.Errorf(exitcode.Refused, "%s: the quorum approved it for %s, and the plan says %s", file,
			approved, p.Vault)
	}
	o.NotBefore, o.Expires = p.NotBefore, p.Expires
	return o, nil
}

// Check refuses what can be said of one file only. n is the number of files.
func (o Options) Check(n int) error {
	switch {
	case n == 1:
		return nil
	case o.Name != "":
		return exitcode.Errorf(exitcode.Usage, "--name names one key, but there are %d files", n)
	case o.Foreign != nil && len(o.Policies) > 1:
		return exitcode.Errorf(exitcode.Usage,
			"--release-policy: no authorization says which of the %d keys each belongs to", n)
	case o.Foreign != nil && o.Foreign.Key.PublicKey != nil:
		return exitcode.Errorf(exitcode.Usage, "--public-key belongs to one key, but there are %d files", n)
	}
	return nil
}

// of is what the person asks of one of n packages. A single policy for a single
// package is meant for it, whatever was approved; so it is where nothing was.
func (o Options) of(n int) Options {
	one := o
	if len(o.Policies) == 1 && (n == 1 || o.Foreign != nil) {
		one.ReleasePolicy, one.Policies = o.Policies[0], nil
	}
	return one
}

// approved is o with the release policy that was approved, if it was given.
func (o Options) approved(policy fingerprint.Sum) Options {
	one := o
	for _, p := range o.Policies {
		if fingerprint.Of(p) == policy {
			one.ReleasePolicy = p
		}
	}
	return one
}

// request makes the import of this project's package at file, with what its
// quorum approved and nothing else; blob and expected key are the caller's. It is
// the one place where options and approval are compared.
func (o Options) request(file string, approved statement.Target) (vault.Import, error) {
	if found := approval.Differences(approved, o.asked(approved)); found != "" {
		return vault.Import{}, exitcode.Errorf(exitcode.Refused, "%s: %s", file, found).
			Hint("leave the option out, or have a quorum approve it: byok-offline acl modify")
	}
	if approved.Exportable && len(o.ReleasePolicy) == 0 {
		return vault.Import{}, exitcode.Errorf(exitcode.Usage,
			"%s: the quorum approved an exportable key with the release policy %s, which is needed here",
			file, approved.ReleasePolicy).Hint("--release-policy FILE")
	}
	return o.with(vault.Import{
		Name:          approved.Name,
		Ops:           slices.Clone(approved.KeyOps),
		Exportable:    approved.Exportable,
		ReleasePolicy: o.ReleasePolicy,
	}), nil
}

// asked is what was approved, with what the person said in its place.
func (o Options) asked(approved statement.Target) statement.Target {
	asked := approved
	if o.Name != "" {
		asked.Name = o.Name
	}
	if len(o.Ops) > 0 {
		asked.KeyOps = o.Ops
	}
	if o.Exportable {
		asked.Exportable = true
	}
	if len(o.ReleasePolicy) > 0 {
		asked.ReleasePolicy = fingerprint.Of(o.ReleasePolicy)
	}
	return asked
}

// foreign makes the import of a package of another vendor's tool.
func (o Options) foreign(name string, blob []byte) vault.Import {
	i := vault.Import{
		Name:          name,
		Blob:          blob,
		Expected:      o.Foreign.Key,
		Ops:           keykind.KeyOps(o.Foreign.Key.Kty),
		Exportable:    o.Exportable,
		ReleasePolicy: o.ReleasePolicy,
	}
	if o.Name != "" {
		i.Name = o.Name
	}
	if len(o.Ops) > 0 {
		i.Ops = slices.Clone(o.Ops)
	}
	return o.with(i)
}

// with adds what no quorum decides.
func (o Options) with(i vault.Import) vault.Import {
	i.Tags, i.NotBefore, i.Expires, i.Disabled = maps.Clone(o.Tags), o.NotBefore, o.Expires, o.Disabled
	i.ForceNewVersion = o.NewVersion
	return i
}
