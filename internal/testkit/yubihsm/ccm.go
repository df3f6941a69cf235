package yubihsm

import (
	"byok/internal/testkit/yubihsm/wire"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"slices"
)

// AES-CCM (RFC 3610) as the device wraps with it: a nonce of 13 bytes, a MAC of
// 16, no additional data. The nonce is before what is encrypted.
const (
	ccmNonce  = 13
	ccmTag    = aes.BlockSize
	ccmLength = aes.BlockSize - 1 - ccmNonce // of the counter and of the length in bytes
)

// ccmSeal answers the nonce, the plaintext encrypted and the MAC.
func ccmSeal(key, plain []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, wire.InvalidData
	}
	nonce := make([]byte, ccmNonce)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	masked := ccmMask(block, nonce, slices.Concat(ccmMAC(block, nonce, plain), plain))
	return slices.Concat(nonce, masked[ccmTag:], masked[:ccmTag]), nil
}

func ccmOpen(key, data []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, wire.InvalidData
	}
	end := len(data) - ccmTag
	if end < ccmNonce {
		return nil, wire.WrongLength
	}
	nonce := data[:ccmNonce]
	open := ccmMask(block, nonce, slices.Concat(data[end:], data[ccmNonce:end]))
	tag, plain := open[:ccmTag], open[ccmTag:]
	if subtle.ConstantTimeCompare(tag, ccmMAC(block, nonce, plain)) != 1 {
		return nil, wire.InvalidData
	}
	return plain, nil
}

// ccmMask encrypts or decrypts in counter mode: the MAC, which is first, with
// the counter's zero, what is behind it from one on.
func ccmMask(block cipher.Block, nonce, data []byte) []byte {
	first := slices.Concat([]byte{ccmLength - 1}, nonce, make([]byte, ccmLength))
	out := make([]byte, len(data))
	cipher.NewCTR(block, first).XORKeyStream(out, data)
	return out
}

// ccmMAC is the MAC before it is masked: CBC-MAC of the first block, which
// holds nonce and length, and of the plaintext with zeros behind it.
func ccmMAC(block cipher.Block, nonce, plain []byte) []byte {
	const flags = (ccmTag-2)/2<<3 | (ccmLength - 1)
	data := slices.Concat([]byte{flags}, nonce, binary.BigEndian.AppendUint16(nil, uint16(len(plain))), plain)
	data = append(data, make([]byte, -len(data)&(aes.BlockSize-1))...)
	tag := make([]byte, aes.BlockSize)
	for part := range slices.Chunk(data, aes.BlockSize) {
		subtle.XORBytes(tag, tag, part)
		block.Encrypt(tag, tag)
	}
	return tag
}
