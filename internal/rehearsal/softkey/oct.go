package softkey

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	"byok/internal/keywrap"
	"byok/internal/rehearsal/wire"
)

// octKey is an AES key of 16, 24 or 32 bytes.
type octKey []byte

// NewOct returns the AES key of these 16, 24 or 32 bytes, which it copies.
func NewOct(key []byte) (Material, error) {
	if !slices.Contains([]int{16, 24, 32}, len(key)) {
		return nil, fmt.Errorf("an AES key of %d bytes: expected 16, 24 or 32", len(key))
	}
	return octKey(bytes.Clone(key)), nil
}

func generateOct(bits int) (Material, error) {
	if bits == 0 {
		bits = 256
	}
	if !slices.Contains([]int{128, 192, 256}, bits) {
		return nil, wire.BadParameter("Invalid key_size: %d. An oct key has 128, 192 or 256 bits", bits) // our text
	}
	key := make(octKey, bits/8)
	_, _ = rand.Read(key) // never fails, see crypto/rand
	return key, nil
}

// Kind implements Material.
func (k octKey) Kind() string { return "oct" }

// Size returns the length in bits.
func (k octKey) Size() int { return 8 * len(k) }

// Private implements Material.
func (k octKey) Private() []byte { return k }

// Describe implements Material.
func (k octKey) Describe(*wire.Key) {} // nothing of it is public

// mode is the algorithm without the key size, which must be this key's:
// A256GCM is GCM for a key of 256 bits. The mechanisms by their PKCS#11 names
// take any size.
func (k octKey) mode(algorithm string) string {
	switch algorithm {
	case "CKM_AES_KEY_WRAP":
		return "KW"
	case "CKM_AES_KEY_WRAP_PAD":
		return "KWP"
	}
	mode, fits := strings.CutPrefix(algorithm, fmt.Sprintf("A%d", k.Size()))
	if !fits {
		return ""
	}
	return mode
}

// Encrypt implements Encrypter.
func (k octKey) Encrypt(in wire.Operation) (out wire.Result, err error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return out, err
	}
	switch k.mode(in.Algorithm) {
	case "KW":
		out.Value, err = keywrap.WrapUnpadded(k, in.Value)
	case "KWP":
		out.Value, err = keywrap.Wrap(k, in.Value)
	case "CBC":
		out.IV = in.IV
		out.Value, err = sealCBC(block, in.IV, in.Value)
	case "CBCPAD":
		out.IV = in.IV
		out.Value, err = sealCBC(block, in.IV, pad(in.Value))
	case "GCM":
		return sealGCM(block, in)
	default:
		err = ErrAlgorithm
	}
	return out, err
}

// Decrypt implements Encrypter.
func (k octKey) Decrypt(in wire.Operation) (out wire.Result, err error) {
	block, err := aes.NewCipher(k)
	if err != nil {
		return out, err
	}
	switch k.mode(in.Algorithm) {
	case "KW":
		out.Value, err = keywrap.UnwrapUnpadded(k, in.Value)
	case "KWP":
		out.Value, err = keywrap.Unwrap(k, in.Value)
	case "CBC":
		out.Value, err = openCBC(block, in.IV, in.Value)
	case "CBCPAD":
		if out.Value, err = openCBC(block, in.IV, in.Value); err == nil {
			out.Value, err = unpad(out.Value)
		}
	case "GCM":
		return openGCM(block, in)
	default:
		err = ErrAlgorithm
	}
	return out, err
}

func sealCBC(block cipher.Block, iv, plain []byte) ([]byte, error) {
	if len(iv) != aes.BlockSize || len(plain) == 0 || len(plain)%aes.BlockSize != 0 {
		return nil, errors.New("AES-CBC takes an iv of 16 bytes and whole blocks")
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, plain)
	return out, nil
}

func openCBC(block cipher.Block, iv, ciphertext []byte) ([]byte, error) {
	if len(iv) != aes.BlockSize || len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil, errors.New("AES-CBC takes an iv of 16 bytes and whole blocks")
	}
	out := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, ciphertext)
	return out, nil
}

// pad is PKCS#7 (RFC 5652, section 6.3).
func pad(plain []byte) []byte {
	n := aes.BlockSize - len(plain)%aes.BlockSize
	return append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
}

func unpad(padded []byte) ([]byte, error) {
	n := int(padded[len(padded)-1])
	if n == 0 || n > aes.BlockSize || !bytes.HasSuffix(padded, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, errDecrypt
	}
	return padded[:len(padded)-n], nil
}

// sealGCM chooses the iv itself, as the service does: a repeated one would
// give the key away.
func sealGCM(block cipher.Block, in wire.Operation) (out wire.Result, err error) {
	if len(in.IV) > 0 {
		return out, errors.New("AES-GCM takes no iv: the vault chooses it")
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return out, err
	}
	out.IV, out.AAD = make([]byte, gcm.NonceSize()), in.AAD
	_, _ = rand.Read(out.IV) // never fails, see crypto/rand
	sealed := gcm.Seal(nil, out.IV, in.Value, in.AAD)
	out.Value, out.Tag = sealed[:len(in.Value)], sealed[len(in.Value):]
	return out, nil
}

func openGCM(block cipher.Block, in wire.Operation) (out wire.Result, err error) {
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return out, err
	}
	if len(in.IV) != gcm.NonceSize() || len(in.Tag) != gcm.Overhead() {
		return out, errors.New("AES-GCM takes an iv of 12 and a tag of 16 bytes")
	}
	if out.Value, err = gcm.Open(nil, in.IV, append(bytes.Clone(in.Value), in.Tag...), in.AAD); err != nil {
		return out, errDecrypt
	}
	return out, nil
}
