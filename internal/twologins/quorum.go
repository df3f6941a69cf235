package twologins

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RSA-OAEP as the service asks for it
	"crypto/x509"
	"encoding/asn1"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keywrap"
)

// quorum wraps the key that the operator's login could not wrap, opens it in
// software, and restores it.
func quorum(on *hsm.Session, km *rsa.PrivateKey) error {
	key, err := on.FindKey(labelKey)
	if err != nil {
		return err
	}
	outer, err := on.FindKM(labelKM, &km.PublicKey)
	if err != nil {
		return err
	}
	blob, err := on.Wrap(hsm.Wrapping{Form: keywrap.OneCall, Outer: outer}, key)
	if err != nil {
		return err
	}
	aes, err := opens(on, km, blob, key)
	if err != nil {
		return err
	}
	defer clear(aes)
	restored, err := on.Restore(hsm.Backup{
		Kind: key.Kind, Public: key.Public, Inner: blob[km.Size():],
		Seal: func(p *rsa.PublicKey) ([]byte, error) { return rsa.EncryptOAEP(sha1.New(), rand.Reader, p, aes, nil) },
	})
	if err != nil {
		return err
	}
	return on.Proves(restored, hsm.Identity{Public: key.Public})
}

// opens opens a blob in software, which must hold the worthless key as the vault
// expects it, and returns the AES key of its first part.
func opens(on *hsm.Session, km *rsa.PrivateKey, blob []byte, key hsm.Key) ([]byte, error) {
	at := min(len(blob), km.Size())
	aes, err := rsa.DecryptOAEP(sha1.New(), nil, km, blob[:at], nil)
	if err != nil || len(aes) != 32 {
		return nil, otherwise(on, "an AES-256 key with RSA-OAEP and SHA-1 in front")
	}
	plain, err := keywrap.Unwrap(aes, blob[at:])
	if err != nil {
		return nil, otherwise(on, "the key as in RFC 5649")
	}
	defer clear(plain)
	if !holds(plain, key) {
		return nil, otherwise(on, "the key that it was asked to, as PKCS#8")
	}
	return aes, nil
}

// holds reports whether a PKCS#8 private key (RFC 5958), behind which some modules
// wrap zero bytes, is that of key.
func holds(plain []byte, key hsm.Key) bool {
	var der asn1.RawValue
	if _, err := asn1.Unmarshal(plain, &der); err != nil {
		return false
	}
	private, err := x509.ParsePKCS8PrivateKey(der.FullBytes)
	if err != nil {
		return false
	}
	ec, is := private.(*ecdsa.PrivateKey)
	return is && keykind.SamePublicKey(&ec.PublicKey, key.Public)
}

func otherwise(on *hsm.Session, what string) error {
	return exitcode.Errorf(exitcode.HSM, "%v did not wrap %s", on.Token, what)
}
