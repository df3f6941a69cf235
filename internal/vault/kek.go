package vault

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/stamp"
)

// CreateKEK makes a key exchange key: RSA-HSM of bits 2048, 3072 or 4096, with
// import as its only operation, until expires (whole seconds). The name must
// be new, since it identifies the KEK. A lost answer never makes a second
// version.
func (c *Client) CreateKEK(ctx context.Context, name string, bits int, expires time.Time) (Key, error) {
	expires = stamp.Of(expires)
	if err := c.CheckNewKEK(ctx, name, bits, expires); err != nil {
		return Key{}, err
	}
	doing := "create KEK " + name
	parameters := azkeys.CreateKeyParameters{
		Kty:           to.Ptr(azkeys.KeyTypeRSAHSM),
		KeySize:       to.Ptr(int32(bits)),
		KeyOps:        []*azkeys.KeyOperation{to.Ptr(azkeys.KeyOperationImport)},
		KeyAttributes: &azkeys.KeyAttributes{Enabled: to.Ptr(true), Expires: &expires},
	}
	var bundle azkeys.KeyBundle
	err := c.write(ctx, write{
		doing: doing,
		paced: true,
		request: func(ctx context.Context) error {
			answer, err := c.keys.CreateKey(ctx, name, parameters, nil)
			bundle = answer.KeyBundle
			return c.limbo(ctx, name, err)
		},
		settled: func(ctx context.Context, c *Client) (found bool, err error) {
			bundle, err = c.bundle(ctx, doing, name, "") // the name was new: what has it now is ours
			return present(err)
		},
	})
	if err != nil {
		return Key{}, err
	}
	made, err := c.key(doing, name, bundle)
	if err != nil {
		return Key{}, err
	}
	return made, c.checkMade(doing, made, bits, expires)
}

// CheckNewKEK fails for what CreateKEK would refuse before it asks the vault to
// make anything, so that people are not asked to agree to it.
func (c *Client) CheckNewKEK(ctx context.Context, name string, bits int, expires time.Time) error {
	if _, err := keykind.Lookup(keykind.RSA, bits, ""); err != nil {
		return exitcode.Errorf(exitcode.Usage, "a KEK: %w", err)
	}
	if !expires.After(c.clock.Now()) {
		return exitcode.Errorf(exitcode.Usage, "a KEK that expires on %s could never be used", stamp.Text(expires))
	}
	if c.address.Test() && !kek.IsLoopback(kek.HostOf(c.address.String())) {
		return exitcode.Errorf(exitcode.Refused, "%s is a test vault, and a test's KEK must be on this computer",
			c.address)
	}
	_, err := c.Key(ctx, name, "")
	taken, err := present(err)
	if taken {
		return exitcode.Errorf(exitcode.Refused, "%s already has a key %s, and a KEK needs a new name",
			c.address, name).
			Hint("give another --name, or none to have one generated")
	}
	return err
}

// checkMade compares the KEK with what was asked for, and applies the rules of
// a KEK.
func (c *Client) checkMade(doing string, k Key, bits int, expires time.Time) error {
	if failed := kek.Failed(k.Candidate(c.address).Check(c.clock.Now())); len(failed) > 0 {
		return exitcode.Errorf(exitcode.Check, "%s: the vault made a different key than requested: %s", doing,
			listed(failed))
	}
	switch {
	case k.Bits != bits:
		return exitcode.Errorf(exitcode.Check, "%s: the vault made it %d bits long", doing, k.Bits)
	case !k.Expires.Equal(expires):
		return exitcode.Errorf(exitcode.Check, "%s: the vault did not set its expiry date", doing)
	}
	return nil
}

// CheckKEK reads the KEK that a package was made for and applies the rules of
// a KEK, which the service would apply later with less to say. Unless spki is
// zero, the KEK must have the public key of that SHA-256.
func (c *Client) CheckKEK(ctx context.Context, id kek.ID, spki fingerprint.Sum) (Key, error) {
	if id.Vault != c.address.String() {
		return Key{}, exitcode.Errorf(exitcode.Check, "the package is for a KEK of %s, not of %s", id.Vault,
			c.address).
			Hint("--vault %s", id.Vault)
	}
	const another = "make a KEK (byok-online kek create), and package the key for it"
	k, err := c.Key(ctx, id.Name, id.Version)
	switch {
	case notFound(err):
		return Key{}, exitcode.Errorf(exitcode.Check, "the package's KEK %s is no longer in the vault: %w", id, err).
			Hint(another)
	case disabled(err): // which no vault lets anybody read
		return Key{}, exitcode.Errorf(exitcode.Check, "the package's KEK %s: %w", id, err).
			Hint("enable it in the vault, or " + another)
	case err != nil:
		return Key{}, err
	}
	if failed := kek.Failed(k.Candidate(c.address).Check(c.clock.Now())); len(failed) > 0 {
		return k, exitcode.Errorf(exitcode.Check, "the package's KEK %s: %s", id, listed(failed)).Hint(another)
	}
	if hash, err := keykind.SPKIHash(k.PublicKey); err != nil || !spki.IsZero() && hash != spki {
		return k, exitcode.Errorf(exitcode.Check, "the package's KEK %s: its public key is not the one the package "+
			"was made for (SPKI SHA-256 %s, not %s)", id, hash, spki).Hint(another)
	}
	return k, nil
}

// listed names each rule and why it does not hold.
func listed(failed []kek.Finding) string {
	var all []string
	for _, f := range failed {
		all = append(all, f.Rule+": "+f.Detail)
	}
	return strings.Join(all, "; ")
}

// DeleteKEK deletes all versions of a KEK. The service keeps a deleted key,
// and its name, until the recovery period ends. A key that is more than a KEK
// is refused.
func (c *Client) DeleteKEK(ctx context.Context, name string) (Deleted, error) {
	k, err := c.Key(ctx, name, "")
	if err != nil {
		return Deleted{}, err
	}
	if !k.IsKEK() {
		return Deleted{}, exitcode.Errorf(exitcode.Refused,
			"key %s is not a KEK (its operations are %s), so it was not deleted", name, strings.Join(k.Ops, ", "))
	}
	var gone Deleted
	err = c.write(ctx, write{
		doing: "delete KEK " + name,
		request: func(ctx context.Context) error {
			answer, err := c.keys.DeleteKey(ctx, name, nil)
			gone = deletedOf(name, answer.DeletedKey)
			return err
		},
		settled: func(ctx context.Context, c *Client) (bool, error) {
			_, err := c.Key(ctx, name, "")
			there, err := present(err)
			gone = Deleted{Name: name}
			return !there && err == nil, err
		},
	})
	return gone, err
}

// ErrNoAttestation is what Attestation finds where the service attests
// nothing: in a key vault of any tier. Test with errors.Is; without an
// attestation a KEK is confirmed by its fingerprint over a second channel.
var ErrNoAttestation = errors.New("this vault attests no keys")

// Attestation is what an HSM states about a key, as the service passes it on,
// already decoded from base64url. Package attest judges it.
type Attestation struct {
	CertificatePEM []byte // the HSM's and the partition's certificates
	PrivateKey     []byte // signed blob
	PublicKey      []byte // signed blob
	Version        string // "MRVL-1"
}

// Attestation returns the HSM's attestation of a key version; version "" is
// the current one.
func (c *Client) Attestation(ctx context.Context, name, version string) (Attestation, error) {
	var bundle azkeys.KeyBundle
	doing := "read the attestation of key " + name
	err := c.read(ctx, doing, func(ctx context.Context) error {
		answer, err := c.keys.GetKeyAttestation(ctx, name, version, nil)
		bundle = answer.KeyBundle
		return err
	})
	var answer *azcore.ResponseError
	if errors.As(err, &answer) && c.address.Service() != kek.ServiceManagedHSM && unoffered(answer) {
		return Attestation{}, exitcode.Errorf(exitcode.Vault, "%s: %w", doing, ErrNoAttestation)
	}
	if err != nil {
		return Attestation{}, err
	}
	if _, err := c.version(doing, name, version, bundle); err != nil {
		return Attestation{}, err
	}
	a := bundle.Attributes.Attestation
	if a == nil || len(a.PrivateKeyAttestation) == 0 {
		return Attestation{}, exitcode.Errorf(exitcode.Vault, "%s: %w", doing, ErrNoAttestation)
	}
	return Attestation{a.CertificatePEMFile, a.PrivateKeyAttestation, a.PublicKeyAttestation, value(a.Version)}, nil
}

// unoffered separates the answers to an operation that a vault does not have from
// those about the key or the caller.
func unoffered(answer *azcore.ResponseError) bool {
	switch answer.StatusCode {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	case http.StatusNotFound:
		return answer.ErrorCode != "KeyNotFound"
	}
	return false
}
