package vault

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/transfer"
)

// TagBlob is the tag that an imported key version carries: the SHA-256 of the
// .byok file it came from, in hex. It identifies a version that shows
// no public key: an AES key, or one that may not be read while disabled.
const TagBlob = "byok-sha256"

// maxTags and maxTag are the service's: fifteen tags, 256 characters each for
// name and value (Azure Key Vault, "About keys").
const (
	maxTags = 15
	maxTag  = 256
)

// Expected is what a key version must be to be the key of a package.
type Expected struct {
	Kty        string // keykind.RSAHSM, ECHSM or OctHSM
	Crv        string // EC only
	Bits       int    // 0 where nothing is known
	PublicKey  crypto.PublicKey
	Given      bool   // a person said so, and no quorum: PublicKey may be another key's
	CheckValue []byte // AES only: AES-ECB of 16 zero bytes

	// Authorization is the SHA-256 of the quorum's authorization; zero for a
	// package of another vendor's tool. Challenges carry it.
	Authorization fingerprint.Sum
}

// Import is one package on its way into the vault. What it asks for comes from
// the quorum's authorization (package approval), or from whoever vouches for
// a .byok of another vendor's tool.
type Import struct {
	Name          string            // of the key in the vault
	Blob          []byte            // the .byok file, byte for byte
	Expected      Expected          // PublicKey and CheckValue empty: nothing can be checked but the type
	Ops           []string          // key_ops; keykind.KeyOps of the type at most
	Tags          map[string]string // besides TagBlob
	NotBefore     time.Time         // zero: none
	Expires       time.Time         // zero: none
	Disabled      bool
	Exportable    bool   // needs ReleasePolicy
	ReleasePolicy []byte // JSON

	ForceNewVersion bool // import even where the vault has the key already
}

// Imported is what came of an Import.
type Imported struct {
	Key     Key
	Already bool   // the vault had this key under this name before; nothing was sent
	Differs string // what was asked for and the version does not have, "it is enabled"; only with Already
	Unread  bool   // the version is disabled and may not be read: known by TagBlob, and not compared
}

// Import makes the package a new version of the key called p.Name, and checks
// that what the vault returns is the key that was sent. If the vault has it
// under that name already, that is reported and nothing is sent. Only
// throttling is repeated blindly: after a lost answer it looks first, which
// cannot see an import that the service has not finished or another client's
// that runs at the same time. With a failed check (status Check) Imported
// says which version is not to be used.
func (c *Client) Import(ctx context.Context, p Import) (Imported, error) {
	before, err := c.before(ctx, p)
	if err != nil {
		return Imported{}, err
	}
	if len(before) > 0 && !p.ForceNewVersion {
		return p.outcome(best(before), true, c.address.Test())
	}
	key, err := c.send(ctx, p, before)
	if err != nil {
		return Imported{}, err
	}
	return p.outcome(key, false, c.address.Test())
}

// Held returns what [Client.Import] would without sending anything, and reports
// whether it would send nothing: the vault has the key under that name already.
func (c *Client) Held(ctx context.Context, p Import) (Imported, bool, error) {
	before, err := c.before(ctx, p)
	if err != nil || len(before) == 0 || p.ForceNewVersion {
		return Imported{}, false, err
	}
	held, err := p.outcome(best(before), true, c.address.Test())
	return held, true, err
}

// before returns the versions that hold the key of p before it is sent.
func (c *Client) before(ctx context.Context, p Import) ([]Key, error) {
	if err := p.Check(c.clock.Now()); err != nil {
		return nil, err
	}
	return c.search(ctx, p, nil)
}

// best is the newest version that is enabled, or else the newest.
func best(versions []Key) Key {
	return versions[max(0, slices.IndexFunc(versions, func(k Key) bool { return k.Enabled }))]
}

// outcome compares the version with what was asked for. One that was there
// before may have other attributes by now; one made just now must not.
func (p Import) outcome(k Key, already, soft bool) (Imported, error) {
	done := Imported{Key: k, Already: already, Unread: k.Kty == ""}
	if done.Unread {
		return done, nil
	}
	err := p.compare(k, soft)
	switch why := p.differs(k); {
	case already:
		done.Differs = why
	case err == nil && why != "":
		err = exitcode.Errorf(exitcode.Check, "key %s differs from the request: %s", k.ID, why).
			Hint("its attributes can be changed in the vault")
	}
	return done, err
}

func (c *Client) send(ctx context.Context, p Import, before []Key) (Key, error) {
	doing := "import key " + p.Name
	parameters := p.parameters()
	var made azkeys.KeyBundle
	var found []Key
	err := c.write(ctx, write{
		doing: doing, paced: true,
		request: func(ctx context.Context) error {
			answer, err := c.keys.ImportKey(ctx, p.Name, parameters, nil)
			made = answer.KeyBundle
			return c.limbo(ctx, p.Name, err)
		},
		settled: func(ctx context.Context, c *Client) (ok bool, err error) {
			found, err = c.search(ctx, p, before)
			return len(found) > 0, err
		},
	})
	if err != nil {
		return Key{}, err
	}
	if len(found) > 0 {
		return found[0], nil
	}
	return c.key(doing, p.Name, made)
}

func (p Import) parameters() azkeys.ImportKeyParameters {
	key := &azkeys.JSONWebKey{Kty: to.Ptr(azkeys.KeyType(p.Expected.Kty)), T: p.Blob}
	if p.Expected.Crv != "" {
		key.Crv = to.Ptr(azkeys.CurveName(p.Expected.Crv))
	}
	for _, op := range p.Ops {
		key.KeyOps = append(key.KeyOps, to.Ptr(azkeys.KeyOperation(op)))
	}
	out := azkeys.ImportKeyParameters{
		Key: key,
		KeyAttributes: &azkeys.KeyAttributes{
			Enabled:   to.Ptr(!p.Disabled),
			NotBefore: moment(p.NotBefore),
			Expires:   moment(p.Expires),
		},
		Tags: map[string]*string{TagBlob: to.Ptr(p.tag())},
	}
	for name, v := range p.Tags {
		out.Tags[name] = &v
	}
	if p.Exportable {
		out.KeyAttributes.Exportable = to.Ptr(true)
		out.ReleasePolicy = &azkeys.KeyReleasePolicy{EncodedPolicy: p.ReleasePolicy}
	}
	return out
}

// tag is the value of TagBlob.
func (p Import) tag() string { return fmt.Sprintf("%x", sha256.Sum256(p.Blob)) }

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return to.Ptr(stamp.Of(t))
}

// Check refuses, before anything is sent, what the service would refuse with
// less to say; now is this machine's time. Status Usage.
func (p Import) Check(now time.Time) error {
	if err := kek.CheckName(p.Name); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	allowed := keykind.KeyOps(p.Expected.Kty)
	problem := ""
	switch {
	case len(allowed) == 0:
		problem = fmt.Sprintf("the vault accepts no keys of type %.40q", p.Expected.Kty)
	case len(p.Blob) == 0 || len(p.Blob) > transfer.MaxFile:
		problem = fmt.Sprintf("a package of %d bytes", len(p.Blob))
	case len(p.Ops) == 0:
		problem = "no key operations"
	case p.Exportable != (len(p.ReleasePolicy) > 0):
		problem = "--exportable and --release-policy need each other"
	case !p.Expires.IsZero() && !p.Expires.After(now):
		problem = "it would expire on " + stamp.Text(p.Expires) + ", before it can be used"
	case !p.Expires.IsZero() && p.Expires.Before(p.NotBefore):
		problem = "it would expire on " + stamp.Text(p.Expires) +
			", before it becomes valid on " + stamp.Text(p.NotBefore)
	default:
		problem = cmp.Or(p.checkTags(), p.checkOps(allowed))
	}
	if problem != "" {
		return exitcode.Errorf(exitcode.Usage, "import key %s: %s", p.Name, problem)
	}
	return nil
}

func (p Import) checkOps(allowed []string) string {
	for _, op := range p.Ops {
		if !slices.Contains(allowed, op) {
			return fmt.Sprintf("operation %.40q does not fit a key of type %s, which allows %s", op, p.Expected.Kty,
				strings.Join(allowed, ", "))
		}
	}
	return ""
}

func (p Import) checkTags() string {
	if len(p.Tags) >= maxTags {
		return fmt.Sprintf("%d tags; the vault accepts %d besides the program's own", len(p.Tags), maxTags-1)
	}
	for name, v := range p.Tags {
		switch {
		case name == "" || len(name) > maxTag || len(v) > maxTag:
			return fmt.Sprintf("tag %.40q: name and value have at most %d characters", name, maxTag)
		case name == TagBlob:
			return "tag " + TagBlob + " is set by this program"
		}
	}
	return ""
}
