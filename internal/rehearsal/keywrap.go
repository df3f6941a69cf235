package rehearsal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// errWrapped says that wrapped bytes are damaged or under another key; which,
// and where, is not told.
var errWrapped = errors.New("the wrapped bytes fail their integrity check")

const maxWrapped = 1 << 16

// The integrity check values of RFC 3394 section 2.2.3.1 and RFC 5649 section 3.
var (
	defaultIV     = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}
	alternativeIV = []byte{0xa6, 0x59, 0x59, 0xa6}
)

// wrapKW is AES key wrap of n bytes, a multiple of 8 and at least 16
// (RFC 3394, section 2.2.1; CKM_AES_KEY_WRAP). It returns n+8 bytes.
func wrapKW(block cipher.Block, plain []byte) ([]byte, error) {
	if len(plain) < 16 || len(plain)%8 != 0 || len(plain) > maxWrapped {
		return nil, errors.New("AES key wrap takes a multiple of 8 bytes, at least 16")
	}
	return wrapBlocks(block, defaultIV, plain), nil
}

// unwrapKW undoes wrapKW (RFC 3394, section 2.2.2).
func unwrapKW(block cipher.Block, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 24 || len(wrapped)%8 != 0 || len(wrapped) > maxWrapped {
		return nil, errWrapped
	}
	iv, plain := unwrapBlocks(block, wrapped)
	if subtle.ConstantTimeCompare(iv, defaultIV) != 1 {
		return nil, errWrapped
	}
	return plain, nil
}

// wrapKWP is AES key wrap with padding of 1 or more bytes (RFC 5649, section
// 4.1; CKM_AES_KEY_WRAP_KWP). It returns 8 more than the next multiple of 8.
func wrapKWP(block cipher.Block, plain []byte) ([]byte, error) {
	if len(plain) == 0 || len(plain) > maxWrapped {
		return nil, errors.New("AES key wrap with padding takes at least one byte")
	}
	iv := binary.BigEndian.AppendUint32(bytes.Clone(alternativeIV), uint32(len(plain)))
	padded := append(bytes.Clone(plain), make([]byte, -len(plain)&7)...)
	if len(padded) == 8 {
		out := append(iv, padded...)
		block.Encrypt(out, out)
		return out, nil
	}
	return wrapBlocks(block, iv, padded), nil
}

// unwrapKWP undoes wrapKWP (RFC 5649, section 4.2). All three checks, of the
// constant, the length and the padding, are made before any is reported.
func unwrapKWP(block cipher.Block, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 16 || len(wrapped)%8 != 0 || len(wrapped) > maxWrapped {
		return nil, errWrapped
	}
	var iv, padded []byte
	if len(wrapped) == 16 {
		plain := make([]byte, aes.BlockSize)
		block.Decrypt(plain, wrapped)
		iv, padded = plain[:8], plain[8:]
	} else {
		iv, padded = unwrapBlocks(block, wrapped)
	}
	// maxWrapped keeps what a genuine length claims within 32 bits; a false
	// one is cut to 31, the widest ConstantTimeLessOrEq compares.
	claimed := int(binary.BigEndian.Uint32(iv[4:]) & 0x7fffffff)
	good := subtle.ConstantTimeCompare(iv[:4], alternativeIV) & int(^iv[4]>>7)
	good &= subtle.ConstantTimeLessOrEq(len(padded)-7, claimed) & subtle.ConstantTimeLessOrEq(claimed, len(padded))
	var stray int // any padding byte that is not zero
	for i := len(padded) - 7; i < len(padded); i++ {
		stray |= int(padded[i]) & -subtle.ConstantTimeLessOrEq(claimed, i)
	}
	if good&subtle.ConstantTimeEq(int32(stray), 0) != 1 {
		return nil, errWrapped
	}
	return padded[:claimed], nil
}

// wrapBlocks is the wrapping process W (RFC 3394, section 2.2.1).
func wrapBlocks(block cipher.Block, iv, plain []byte) []byte {
	out := append(bytes.Clone(iv), plain...)
	var b [aes.BlockSize]byte
	copy(b[:8], iv)
	for t := uint64(1); t <= uint64(6*len(plain)/8); t++ {
		r := out[8*(1+(t-1)%uint64(len(plain)/8)):][:8]
		copy(b[8:], r)
		block.Encrypt(b[:], b[:])
		copy(r, b[8:])
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])^t)
	}
	copy(out, b[:8])
	return out
}

// unwrapBlocks is the unwrapping process W^-1 (RFC 3394, section 2.2.2): what
// should be the initial value, and the rest.
func unwrapBlocks(block cipher.Block, wrapped []byte) (iv, plain []byte) {
	plain = bytes.Clone(wrapped[8:])
	var b [aes.BlockSize]byte
	copy(b[:8], wrapped)
	for t := uint64(6 * len(plain) / 8); t >= 1; t-- {
		r := plain[8*((t-1)%uint64(len(plain)/8)):][:8]
		binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])^t)
		copy(b[8:], r)
		block.Decrypt(b[:], b[:])
		copy(r, b[8:])
	}
	return bytes.Clone(b[:8]), plain
}
