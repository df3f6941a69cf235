package specimen

import (
	"crypto/aes"
	"encoding/binary"
	"errors"
)

// wrapPadded is AES key wrap with padding of more than 8 bytes (RFC 5649,
// section 4.1), by the index form of RFC 3394, section 2.2.1.
func wrapPadded(key, plain []byte) ([]byte, error) {
	if len(plain) <= 8 {
		return nil, errors.New("a specimen's plaintext has more than 8 bytes")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := append([]byte{0xa6, 0x59, 0x59, 0xa6}, binary.BigEndian.AppendUint32(nil, uint32(len(plain)))...)
	out = append(out, plain...)
	out = append(out, make([]byte, -len(plain)&7)...)
	n := len(out)/8 - 1
	b := make([]byte, aes.BlockSize)
	copy(b, out[:8])
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(b[8:], out[8*i:8*i+8])
			block.Encrypt(b, b)
			binary.BigEndian.PutUint64(b, binary.BigEndian.Uint64(b)^uint64(n*j+i))
			copy(out[8*i:], b[8:])
		}
	}
	copy(out, b[:8])
	return out, nil
}
