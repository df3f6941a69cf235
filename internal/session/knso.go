package session

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // RSA-OAEP as the service asks for it; see openAESKey
	"crypto/sha256"
	"crypto/x509"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/quorum"
	"byok/internal/secret"
)

// Private halves of the world's own keys. They exist in clear only inside
// secret.Erased, sealed otherwise. Package keyset makes them.

// KNSO signs with the KNSO of a card set. It opens the sealed half for each
// signature and keeps nothing.
type KNSO struct {
	secret *quorum.Secret
	set    kmdata.Set
}

// NewKNSO is the KNSO of a card set with its world secret. It proves that both
// private halves, also KM's, open and match the public halves.
func NewKNSO(s *quorum.Secret, set kmdata.Set) (KNSO, error) {
	k := KNSO{s, set}
	if err := k.checkSigner(); err != nil {
		return k, err
	}
	return k, k.withKM(func(*rsa.PrivateKey) error { return nil })
}

// Sign signs the SHA-256 of data: ECDSA in DER.
func (k KNSO) Sign(data []byte) (sig []byte, err error) {
	err = k.withSigner(func(private *ecdsa.PrivateKey) (err error) {
		digest := sha256.Sum256(data)
		sig, err = ecdsa.SignASN1(rand.Reader, private, digest[:])
		return cmp.Or(err, forget(private))
	})
	return sig, err
}

// forget has crypto/ecdsa drop its copy of a key that has signed. It keeps a
// copy by the key's address until some time after the key is unreachable, and
// replaces it when another key signs at that address.
func forget(private *ecdsa.PrivateKey) error {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	*private = *other
	_, err = ecdsa.SignASN1(rand.Reader, private, make([]byte, sha256.Size))
	return err
}

// checkSigner proves that KNSO's private half opens and matches the public half.
// KM's stays sealed until a backup is opened.
func (k KNSO) checkSigner() error { return k.withSigner(func(*ecdsa.PrivateKey) error { return nil }) }

// withSigner gives KNSO's private half to f.
func (k KNSO) withSigner(f func(*ecdsa.PrivateKey) error) error {
	public, err := k.set.KNSO.Signer()
	if err != nil {
		return err
	}
	return k.open(quorum.PurposeSealKNSO, k.set.KNSO.Sealed, "KNSO", func(key any) error {
		private, ok := key.(*ecdsa.PrivateKey)
		if !ok || !private.PublicKey.Equal(public) {
			return halves("KNSO")
		}
		return f(private)
	})
}

// withKM gives KM's private half to f.
func (k KNSO) withKM(f func(*rsa.PrivateKey) error) error {
	public, err := k.set.KM.ModuleKey()
	if err != nil {
		return err
	}
	return k.open(quorum.PurposeSealKM, k.set.KM.Sealed, "KM", func(key any) error {
		private, ok := key.(*rsa.PrivateKey)
		if !ok || !private.PublicKey.Equal(public) {
			return halves("KM")
		}
		return f(private)
	})
}

func halves(name string) error {
	return exitcode.Errorf(
		exitcode.Check,
		"the sealed private half of %s does not match the public half in the statement",
		name,
	)
}

// open unseals a PKCS#8 key, gives it to f, and erases all of it.
func (k KNSO) open(p quorum.Purpose, sealed, name string, f func(key any) error) (err error) {
	der, err := quorum.Unseal(k.secret, k.set.Cards.Context(), p, sealed)
	if err != nil {
		return exitcode.Errorf(exitcode.Check, "the sealed private half of %s does not open with these cards", name)
	}
	defer der.Wipe()
	secret.Erased(func() {
		var key any
		if key, err = x509.ParsePKCS8PrivateKey(der.Reveal()); err == nil {
			err = f(key)
		}
	})
	return err
}

// reseal returns the seal function of a restore: it opens the first part of a
// backup with KM and encrypts the AES key inside for the token's session key.
func (k KNSO) reseal(part []byte) func(*rsa.PublicKey) ([]byte, error) {
	return func(session *rsa.PublicKey) (sealed []byte, err error) {
		err = k.withKM(func(km *rsa.PrivateKey) error {
			key, err := openAESKey(km, part)
			if err != nil {
				return err
			}
			defer clear(key)
			sealed, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, session, key, nil)
			return err
		})
		return sealed, err
	}
}

// openAESKey opens the first part of a backup: RSA-OAEP with SHA-1 and
// MGF1-SHA1 (RFC 8017, section 7.1.2) around 32 bytes. Every failure is the
// same error, so that nothing is learnt from trying (Manger 2001).
func openAESKey(km *rsa.PrivateKey, part []byte) ([]byte, error) {
	key, err := km.Decrypt(nil, part, &rsa.OAEPOptions{Hash: crypto.SHA1})
	if err != nil || len(key) != 32 {
		clear(key)
		return nil, errBackup()
	}
	return key, nil
}
