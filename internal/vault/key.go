package vault

import (
	"context"
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/stamp"
	"byok/internal/vault/endpoint"
)

// Key is a key version as the vault describes it. All of it rests on the vault's
// word, except what PublicKey lets one check.
type Key struct {
	ID          kek.ID
	Kty         string           // RSA-HSM, EC-HSM, oct-HSM; without -HSM for software keys
	Crv         string           // P-256, P-384, P-521, P-256K; EC only
	Bits        int              // RSA modulus, EC field; 0 for AES, for which the vault does not report it
	PublicKey   crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey; nil for AES
	Ops         []string
	Enabled     bool
	NotBefore   time.Time // zero where there is none
	Expires     time.Time // zero where there is none
	Created     time.Time
	Updated     time.Time
	Exportable  bool
	HSMPlatform string // "2" FIPS 140-3 level 3, "1" FIPS 140-2 level 2, "0" software
	Recovery    string // recovery level: Recoverable+Purgeable and such
	Tags        map[string]string

	ReleasePolicy []byte // JSON; nil where there is none
}

// IsKEK reports whether the key can do nothing but import.
func (k Key) IsKEK() bool { return slices.Equal(k.Ops, []string{kek.OpImport}) }

// InHSM reports whether the vault says that it keeps the key in an HSM.
func (k Key) InHSM() bool {
	return strings.HasSuffix(k.Kty, "-HSM") && k.HSMPlatform != "0"
}

// Candidate returns the key as the rules of a KEK look at it.
func (k Key) Candidate(a endpoint.Address) kek.Candidate {
	return kek.Candidate{
		ID:          k.ID,
		Vault:       a.String(),
		Mark:        a.Mark(),
		KTY:         k.Kty,
		HSMPlatform: k.HSMPlatform,
		Public:      k.PublicKey,
		KeyOps:      k.Ops,
		Enabled:     k.Enabled,
		NotBefore:   k.NotBefore,
		Expires:     k.Expires,
	}
}

// unusable says why the vault will not use the key at now, or "".
func (k Key) unusable(now time.Time) string {
	switch {
	case !k.Enabled:
		return "it is disabled"
	case !k.NotBefore.IsZero() && now.Before(k.NotBefore):
		return "it is not valid before " + stamp.Text(k.NotBefore)
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "it expired on " + stamp.Text(k.Expires)
	}
	return ""
}

// Key returns a key version; version "" is the current one. An answer about
// another version than the one asked for is an error of status Check.
func (c *Client) Key(ctx context.Context, name, version string) (Key, error) {
	if err := kek.CheckName(name); err != nil {
		return Key{}, exitcode.Mark(exitcode.Usage, err)
	}
	doing := "read key " + strings.TrimSuffix(name+"/"+version, "/")
	bundle, err := c.bundle(ctx, doing, name, version)
	if err != nil {
		return Key{}, err
	}
	return c.version(doing, name, version, bundle)
}

// version is key for an answer about a version; "" is any.
func (c *Client) version(doing, name, version string, b azkeys.KeyBundle) (Key, error) {
	k, err := c.key(doing, name, b)
	if err == nil && version != "" && !strings.EqualFold(k.ID.Version, version) {
		return Key{}, exitcode.Errorf(exitcode.Check, "%s: the vault answered with another version, %s", doing, k.ID)
	}
	return k, err
}

func (c *Client) bundle(ctx context.Context, doing, name, version string) (bundle azkeys.KeyBundle, err error) {
	err = c.read(ctx, doing, func(ctx context.Context) error {
		answer, err := c.keys.GetKey(ctx, name, version, nil)
		bundle = answer.KeyBundle
		return err
	})
	return bundle, err
}

// present reads the outcome of looking for something that may be missing.
func present(err error) (bool, error) {
	if notFound(err) {
		return false, nil
	}
	return err == nil, err
}

// key checks and converts an answer about the key called name. Errors have
// status Check: it does not answer what was asked.
func (c *Client) key(doing, name string, b azkeys.KeyBundle) (Key, error) {
	if b.Key == nil || b.Key.Kty == nil || b.Attributes == nil {
		return Key{}, exitcode.Errorf(exitcode.Check, "%s: the vault's answer has no key in it", doing)
	}
	id, err := c.identifier(name, b.Key.KID)
	if err != nil {
		return Key{}, exitcode.Errorf(exitcode.Check, "%s: %w", doing, err)
	}
	k := Key{ID: id, Kty: string(*b.Key.Kty), Ops: operations(b.Key.KeyOps), Tags: tags(b.Tags)}
	k.attributes(b.Attributes)
	if b.ReleasePolicy != nil {
		k.ReleasePolicy = b.ReleasePolicy.EncodedPolicy
	}
	if k.PublicKey, err = publicKey(b.Key); err != nil {
		return Key{}, exitcode.Errorf(exitcode.Check, "%s: the vault's answer: %w", doing, err)
	}
	if k.PublicKey != nil {
		kind, _ := keykind.Of(k.PublicKey) // publicKey has found it good
		k.Bits, k.Crv = kind.Bits, kind.Curve
	}
	return k, nil
}

func (k *Key) attributes(a *azkeys.KeyAttributes) {
	k.Enabled = value(a.Enabled)
	k.NotBefore, k.Expires = value(a.NotBefore).UTC(), value(a.Expires).UTC()
	k.Created, k.Updated = value(a.Created).UTC(), value(a.Updated).UTC()
	k.Exportable = value(a.Exportable)
	k.HSMPlatform, k.Recovery = value(a.HSMPlatform), value(a.RecoveryLevel)
}

// identifier reads a full identifier, which must be of this vault and of the
// key asked for.
func (c *Client) identifier(name string, text *azkeys.ID) (kek.ID, error) {
	id, err := kek.ParseID(string(value(text)))
	switch {
	case err != nil:
		return id, err
	case !strings.EqualFold(id.Name, name), id.Vault != c.address.String():
		return id, fmt.Errorf("the vault answered with another key, %s", id)
	}
	return id, nil
}

// publicKey reads the public half of a JSON Web Key (RFC 7518, section 6).
// AES keys have none: nil without an error.
func publicKey(j *azkeys.JSONWebKey) (crypto.PublicKey, error) {
	switch kty := string(value(j.Kty)); strings.TrimSuffix(kty, "-HSM") {
	case "oct":
		return nil, nil
	case "RSA":
		return rsaPublicKey(j)
	case "EC":
		return ecPublicKey(j)
	default:
		return nil, fmt.Errorf("a key of the unknown type %.40q", kty)
	}
}

func rsaPublicKey(j *azkeys.JSONWebKey) (crypto.PublicKey, error) {
	e := new(big.Int).SetBytes(j.E)
	if !e.IsInt64() || int64(int(e.Int64())) != e.Int64() {
		return nil, errors.New("an RSA exponent that is too large")
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(j.N), E: int(e.Int64())}
	_, err := keykind.Of(pub) // refuses what cannot be a key: an even modulus
	return pub, err
}

func ecPublicKey(j *azkeys.JSONWebKey) (crypto.PublicKey, error) {
	kinds, err := keykind.ForJWK(keykind.ECHSM, string(value(j.Crv)))
	if err != nil {
		return nil, err
	}
	size := (kinds[0].Bits + 7) / 8
	point := []byte{4}
	for _, octets := range [][]byte{j.X, j.Y} {
		coordinate := new(big.Int).SetBytes(octets)
		if coordinate.BitLen() > 8*size {
			return nil, fmt.Errorf("EC point: not on %s", kinds[0])
		}
		point = append(point, coordinate.FillBytes(make([]byte, size))...)
	}
	pub, err := keykind.ParsePoint(kinds[0], point)
	if err != nil { // not a nil pointer in an interface
		return nil, err
	}
	return pub, nil
}

func operations(ops []*azkeys.KeyOperation) []string {
	var out []string
	for _, op := range ops {
		out = append(out, string(value(op)))
	}
	return out
}

func tags(in map[string]*string) map[string]string {
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[k] = value(v)
	}
	return out
}

// sameOps compares sets: the service sorts operations as it likes.
func sameOps(a, b []string) bool {
	sorted := func(ops []string) []string { return slices.Compact(slices.Sorted(slices.Values(ops))) }
	return slices.Equal(sorted(a), sorted(b))
}

func value[T any](p *T) T {
	if p == nil {
		return *new(T)
	}
	return *p
}
