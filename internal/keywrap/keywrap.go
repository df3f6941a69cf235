// Package keywrap is AES key wrap in software: with padding (RFC 5649,
// CKM_AES_KEY_WRAP_KWP) by [Wrap] and [Unwrap], without (RFC 3394,
// CKM_AES_KEY_WRAP) by [WrapUnpadded] and [UnwrapUnpadded]. [Form] names how a
// module does it under an RSA key.
//
// It is for small secrets, such as a PKCS#8 private key or a PIN, under an
// AES key that wraps nothing else. The wrapping is deterministic and binds no
// context: two wraps of one plaintext are equal, and whatever was wrapped
// under a key unwraps under it. Derive one key for each purpose. Call it
// inside secret.Erased: key schedule, plaintext and intermediate blocks are on
// the Go heap.
//
// Do not use it for data of any length, and do not tell anyone why bytes did
// not unwrap: [ErrIntegrity] is the one answer.
package keywrap

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxSize is the longest plaintext that is wrapped, in bytes.
const MaxSize = 1 << 16

// ErrIntegrity is what Unwrap and UnwrapUnpadded return for every input that
// they refuse: of a length that no wrapping has, damaged, or under another key.
var ErrIntegrity = errors.New("the wrapped bytes fail their integrity check")

// semiblock is the unit of both wrappings, half an AES block, in bytes.
const semiblock = 8

// The integrity check values of RFC 3394, section 2.2.3.1, and, to be followed
// by the length in 32 bits, of RFC 5649, section 3.
var (
	defaultIV     = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}
	alternativeIV = []byte{0xa6, 0x59, 0x59, 0xa6}
)

// Wrap wraps 1 to [MaxSize] bytes under an AES key of 16, 24 or 32 bytes (RFC
// 5649, section 4.1). The result is 8 bytes longer than the plaintext, rounded
// up to a multiple of 8. What it writes,
//
//	openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K HEX
//
// opens. The errors are for sizes out of range.
func Wrap(key, plaintext []byte) ([]byte, error) {
	if len(plaintext) == 0 || len(plaintext) > MaxSize {
		return nil, fmt.Errorf("AES key wrap with padding takes 1 to %d bytes, not %d", MaxSize, len(plaintext))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	iv := binary.BigEndian.AppendUint32(bytes.Clone(alternativeIV), uint32(len(plaintext)))
	padded := make([]byte, (len(plaintext)+semiblock-1)/semiblock*semiblock)
	copy(padded, plaintext)
	if len(padded) > semiblock {
		return wrapBlocks(block, iv, padded), nil
	}
	out := append(iv, padded...)
	block.Encrypt(out, out)
	return out, nil
}

// Unwrap undoes [Wrap] (RFC 5649, section 4.2). The constant, the length and
// the padding are compared in constant time, and all of them before the answer
// is given: [ErrIntegrity], or the plaintext. A key that is not an AES key has
// an error of its own.
func Unwrap(key, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if !plausible(wrapped, 2*semiblock) {
		return nil, ErrIntegrity
	}
	iv, padded := unpack(block, wrapped)
	claimed := binary.BigEndian.Uint32(iv[len(alternativeIV):])
	good := subtle.ConstantTimeCompare(iv[:len(alternativeIV)], alternativeIV)
	good &= fits(claimed, len(padded))
	good &= zeroFrom(padded, int(claimed&maxInt31))
	if good != 1 {
		return nil, ErrIntegrity
	}
	return padded[:claimed], nil
}

// unpack undoes the encryption of either length: the initial value and the
// padded plaintext.
func unpack(block cipher.Block, wrapped []byte) (iv, padded []byte) {
	if len(wrapped) > aes.BlockSize {
		return unwrapBlocks(block, wrapped)
	}
	out := make([]byte, aes.BlockSize)
	block.Decrypt(out, wrapped)
	return out[:semiblock], out[semiblock:]
}

// maxInt31 is the greatest number that subtle.ConstantTimeLessOrEq compares.
const maxInt31 = 1<<31 - 1

// fits returns 1 if the length claimed is that of a plaintext which is padded
// to size bytes: at most 7 less. A false length may have its top bit set.
func fits(claimed uint32, size int) int {
	n := int(claimed & maxInt31)
	low := int(^claimed >> 31)
	return low & subtle.ConstantTimeLessOrEq(size-semiblock+1, n) & subtle.ConstantTimeLessOrEq(n, size)
}

// zeroFrom returns 1 if those of the last 7 bytes that are at or behind the
// index from are zero.
func zeroFrom(padded []byte, from int) int {
	var stray byte
	for i := len(padded) - semiblock + 1; i < len(padded); i++ {
		stray |= padded[i] & -byte(subtle.ConstantTimeLessOrEq(from, i))
	}
	return subtle.ConstantTimeByteEq(stray, 0)
}

// WrapUnpadded wraps a multiple of 8 bytes, 16 to [MaxSize], under an AES key
// of 16, 24 or 32 bytes (RFC 3394, section 2.2.1). The result is 8 bytes
// longer. The errors are for sizes out of range.
func WrapUnpadded(key, plaintext []byte) ([]byte, error) {
	if !plausible(plaintext, 2*semiblock) || len(plaintext) > MaxSize {
		return nil, fmt.Errorf("AES key wrap takes a multiple of %d bytes, %d to %d, not %d",
			semiblock, 2*semiblock, MaxSize, len(plaintext))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return wrapBlocks(block, defaultIV, plaintext), nil
}

// UnwrapUnpadded undoes [WrapUnpadded] (RFC 3394, section 2.2.2). Its errors
// are those of [Unwrap].
func UnwrapUnpadded(key, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if !plausible(wrapped, 3*semiblock) {
		return nil, ErrIntegrity
	}
	iv, plain := unwrapBlocks(block, wrapped)
	if subtle.ConstantTimeCompare(iv, defaultIV) != 1 {
		return nil, ErrIntegrity
	}
	return plain, nil
}

// plausible reports whether data has a length that wrapped bytes can have.
func plausible(data []byte, least int) bool {
	return len(data) >= least && len(data)%semiblock == 0 && len(data) <= MaxSize+semiblock
}

// wrapBlocks is the wrapping process W (RFC 3394, section 2.2.1, by indexing).
func wrapBlocks(block cipher.Block, iv, plain []byte) []byte {
	out := append(bytes.Clone(iv), plain...)
	n := uint64(len(plain) / semiblock)
	var b [aes.BlockSize]byte
	copy(b[:], iv)
	for t := uint64(1); t <= 6*n; t++ {
		r := out[semiblock*(1+(t-1)%n):][:semiblock]
		copy(b[semiblock:], r)
		block.Encrypt(b[:], b[:])
		copy(r, b[semiblock:])
		count(&b, t)
	}
	copy(out, b[:semiblock])
	return out
}

// unwrapBlocks is the unwrapping process (RFC 3394, section 2.2.2, by
// indexing): what should be the initial value, and the rest.
func unwrapBlocks(block cipher.Block, wrapped []byte) (iv, plain []byte) {
	plain = bytes.Clone(wrapped[semiblock:])
	n := uint64(len(plain) / semiblock)
	var b [aes.BlockSize]byte
	copy(b[:], wrapped[:semiblock])
	for t := 6 * n; t >= 1; t-- {
		r := plain[semiblock*((t-1)%n):][:semiblock]
		count(&b, t)
		copy(b[semiblock:], r)
		block.Decrypt(b[:], b[:])
		copy(r, b[semiblock:])
	}
	return bytes.Clone(b[:semiblock]), plain
}

// count adds the step's number to the first half of the block.
func count(b *[aes.BlockSize]byte, t uint64) {
	binary.BigEndian.PutUint64(b[:semiblock], binary.BigEndian.Uint64(b[:semiblock])^t)
}
