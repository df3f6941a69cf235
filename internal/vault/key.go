package vault

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"byok/internal/exitcode"
	"byok/internal/transfer"
)

// Key is a key version as the vault describes it. All of it is the vault's
// word but what PublicKey lets one check.
type Key struct {
	ID          transfer.KeyID
	Kty         string           // RSA-HSM, EC-HSM, oct-HSM; without -HSM for software keys
	Crv         string           // P-256, P-384, P-521, P-256K; EC only
	Bits        int              // RSA modulus, EC field; 0 for AES, of which the vault does not tell it
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

// IsKEK tells whether the key can do nothing but import.
func (k Key) IsKEK() bool { return sameOps(k.Ops, []string{"import"}) }

// InHSM tells whether the vault says it keeps the key in an HSM.
func (k Key) InHSM() bool {
	return strings.HasSuffix(k.Kty, "-HSM") && k.HSMPlatform != "0"
}

// unusable says why the vault will not use the key at now, or "".
func (k Key) unusable(now time.Time) string {
	switch {
	case !k.Enabled:
		return "it is disabled"
	case !k.NotBefore.IsZero() && now.Before(k.NotBefore):
		return "it is not valid before " + stamp(k.NotBefore)
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "it expired on " + stamp(k.Expires)
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Key returns a key version; version "" is the current one.
func (c *Client) Key(ctx context.Context, name, version string) (Key, error) {
	if err := transfer.CheckName(name); err != nil {
		return Key{}, exitcode.Mark(exitcode.Usage, err)
	}
	doing := "read key " + strings.TrimSuffix(name+"/"+version, "/")
	bundle, err := c.bundle(ctx, doing, name, version)
	if err != nil {
		return Key{}, err
	}
	return c.key(doing, name, bundle)
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
// status Check: it is no answer to what was asked.
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
	switch pub := k.PublicKey.(type) {
	case *rsa.PublicKey:
		k.Bits = pub.N.BitLen()
	case *ecdsa.PublicKey:
		k.Bits = pub.Curve.Params().BitSize
		k.Crv, err = transfer.CurveName(pub)
	}
	return k, err
}

func (k *Key) attributes(a *azkeys.KeyAttributes) {
	k.Enabled = value(a.Enabled)
	k.NotBefore, k.Expires = value(a.NotBefore).UTC(), value(a.Expires).UTC()
	k.Created, k.Updated = value(a.Created).UTC(), value(a.Updated).UTC()
	k.Exportable = value(a.Exportable)
	k.HSMPlatform, k.Recovery = value(a.HSMPlatform), value(a.RecoveryLevel)
}

// identifier wants a full identifier of this vault and of the key asked for. A
// test vault may call itself by another name than its address.
func (c *Client) identifier(name string, kid *azkeys.ID) (transfer.KeyID, error) {
	id, err := transfer.ParseKeyID(string(value(kid)))
	switch {
	case err != nil:
		return id, err
	case !strings.EqualFold(id.Name, name), id.Vault != c.address.url && !c.address.test:
		return id, fmt.Errorf("the vault answered with another key, %s", id)
	}
	return id, nil
}

// publicKey reads the public half of a JSON Web Key (RFC 7518, section 6).
// AES keys have none: nil without an error.
func publicKey(j *azkeys.JSONWebKey) (crypto.PublicKey, error) {
	var pub crypto.PublicKey
	switch kty := string(value(j.Kty)); strings.TrimSuffix(kty, "-HSM") {
	case "oct":
		return nil, nil
	case "RSA":
		e := new(big.Int).SetBytes(j.E)
		if !e.IsInt64() || int64(int(e.Int64())) != e.Int64() {
			return nil, errors.New("an RSA exponent that is too large")
		}
		pub = &rsa.PublicKey{N: new(big.Int).SetBytes(j.N), E: int(e.Int64())}
	case "EC":
		curve, err := transfer.CurveByName(string(value(j.Crv)))
		if err != nil {
			return nil, err
		}
		pub = &ecdsa.PublicKey{Curve: curve, X: new(big.Int).SetBytes(j.X), Y: new(big.Int).SetBytes(j.Y)}
	default:
		return nil, fmt.Errorf("a key of the unknown type %.40q", kty)
	}
	_, err := transfer.MarshalSPKI(pub) // refuses what is no key: a point off its curve, an even modulus
	return pub, err
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
