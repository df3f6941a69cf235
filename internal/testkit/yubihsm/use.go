package yubihsm

import (
	"byok/internal/testkit/yubihsm/wire"
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // SHA-1 and the others of hashOfSize
	_ "crypto/sha256"
	_ "crypto/sha512"
)

// rsaKey finds an asymmetric key that has a capability and is an RSA key.
func (c *call) rsaKey(id uint16, needs wire.Capability) (*rsa.PrivateKey, error) {
	o, err := c.usable(AsymmetricKey, id, needs)
	if err != nil {
		return nil, err
	}
	key, ok := o.value.(*rsa.PrivateKey)
	if !ok {
		return nil, wire.InvalidData
	}
	return key, nil
}

func (c *call) ecKey(id uint16, needs wire.Capability) (*ecdsa.PrivateKey, error) {
	o, err := c.usable(AsymmetricKey, id, needs)
	if err != nil {
		return nil, err
	}
	key, ok := o.value.(*ecdsa.PrivateKey)
	if !ok {
		return nil, wire.InvalidData
	}
	return key, nil
}

// signPKCS1 takes a digest, by whose size it knows the hash, or a whole
// DigestInfo.
func (c *call) signPKCS1() ([]byte, error) {
	id, digest := c.in.Uint16(), c.in.Rest()
	key, err := c.rsaKey(id, wire.CanSignPKCS)
	if err != nil {
		return nil, err
	}
	hash, _ := hashOfSize(len(digest)) // zero is a DigestInfo
	return orInvalid(rsa.SignPKCS1v15(rand.Reader, key, hash, digest))
}

// orInvalid is for errors of Go's packages that a device would call invalid data.
func orInvalid(out []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, wire.InvalidData
	}
	return out, nil
}

// signPSS takes the algorithm of the mask, the salt's size and the digest.
// Masks of another hash than the digest's are not simulated.
func (c *call) signPSS() ([]byte, error) {
	id, mask, salt, digest := c.in.Uint16(), Algorithm(c.in.Byte()), int(c.in.Uint16()), c.in.Rest()
	key, err := c.rsaKey(id, wire.CanSignPSS)
	if err != nil {
		return nil, err
	}
	hash, ok := hashOfSize(len(digest))
	if !ok || mgfHashes[mask] != hash {
		return nil, wire.InvalidData
	}
	return orInvalid(rsa.SignPSS(rand.Reader, key, hash, digest, &rsa.PSSOptions{SaltLength: salt}))
}

// signECDSA answers a signature in ASN.1.
func (c *call) signECDSA() ([]byte, error) {
	id, digest := c.in.Uint16(), c.in.Rest()
	key, err := c.ecKey(id, wire.CanSignECDSA)
	if err != nil {
		return nil, err
	}
	return orInvalid(ecdsa.SignASN1(rand.Reader, key, digest))
}

// deriveECDH takes the other point, uncompressed, and answers its product's x.
func (c *call) deriveECDH() ([]byte, error) {
	id, point := c.in.Uint16(), c.in.Rest()
	key, err := c.ecKey(id, wire.CanDeriveECDH)
	if err != nil {
		return nil, err
	}
	private, err := key.ECDH()
	if err != nil {
		return nil, wire.InvalidData
	}
	return product(private, point)
}

func product(private *ecdh.PrivateKey, point []byte) ([]byte, error) {
	public, err := private.Curve().NewPublicKey(point)
	if err != nil {
		return nil, wire.InvalidData
	}
	return orInvalid(private.ECDH(public))
}

// decryptPKCS1 is PKCS #1 v1.5, which is what no options mean.
func (c *call) decryptPKCS1() ([]byte, error) {
	id, data := c.in.Uint16(), c.in.Rest()
	key, err := c.rsaKey(id, wire.CanDecryptPKCS)
	if err != nil {
		return nil, err
	}
	return orInvalid(key.Decrypt(nil, data, nil))
}

func (c *call) decryptOAEP() ([]byte, error) {
	id, mask := c.in.Uint16(), mgfHashes[Algorithm(c.in.Byte())]
	key, err := c.rsaKey(id, wire.CanDecryptOAEP)
	if err != nil {
		return nil, err
	}
	data, label := c.in.Take(key.Size()), c.in.Rest()
	if c.in.Done() != nil {
		return nil, wire.WrongLength
	}
	hash, ok := hashOfSize(len(label))
	if !ok || mask == 0 || !emptyLabel(hash, label) {
		return nil, wire.InvalidData
	}
	return orInvalid(key.Decrypt(nil, data, &rsa.OAEPOptions{Hash: hash, MGFHash: mask}))
}

// emptyLabel reports whether a digest is that of no label.
func emptyLabel(hash crypto.Hash, digest []byte) bool {
	return bytes.Equal(digest, hash.New().Sum(nil))
}

// block finds a symmetric key with a capability, as a cipher.
func (c *call) block(needs wire.Capability) (cipher.Block, error) {
	o, err := c.usable(SymmetricKey, c.in.Uint16(), needs)
	if err != nil {
		return nil, err
	}
	key, _ := o.value.([]byte)
	return aes.NewCipher(key)
}

// blocks reads the rest of the data, a whole number of blocks.
func (c *call) blocks() ([]byte, error) {
	data := bytes.Clone(c.in.Rest())
	if c.in.Done() != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, wire.WrongLength
	}
	return data, nil
}

func ecb(needs wire.Capability) func(*call) ([]byte, error) {
	return func(c *call) ([]byte, error) {
		block, err := c.block(needs)
		if err != nil {
			return nil, err
		}
		data, err := c.blocks()
		if err != nil {
			return nil, err
		}
		one := block.Encrypt
		if needs == wire.CanDecryptECB {
			one = block.Decrypt
		}
		for at := 0; at < len(data); at += aes.BlockSize {
			one(data[at:], data[at:])
		}
		return data, nil
	}
}

func cbc(needs wire.Capability) func(*call) ([]byte, error) {
	return func(c *call) ([]byte, error) {
		block, err := c.block(needs)
		if err != nil {
			return nil, err
		}
		iv := c.in.Take(aes.BlockSize)
		data, err := c.blocks()
		if err != nil {
			return nil, err
		}
		mode := cipher.NewCBCEncrypter(block, iv)
		if needs == wire.CanDecryptCBC {
			mode = cipher.NewCBCDecrypter(block, iv)
		}
		mode.CryptBlocks(data, data)
		return data, nil
	}
}
