package hsm

import (
	"crypto"
	"crypto/rsa"

	"byok/internal/keykind"
)

// Restore unwraps a backup into a session object.
//
// It generates an RSA pair for this session that can only unwrap, and calls
// seal with its public half for the backup's AES key, encrypted with RSA-OAEP
// (SHA-1). inner is the second part of the backup. public is the key's public
// half, nil for AES.
//
// What comes out is tightened and read back, but nothing is known yet of whose
// key it is: call [Session.Proves], and only then [Session.Persist]. LOCAL and
// ALWAYS_SENSITIVE are false from now on.
func (s *Session) Restore(kind keykind.Kind, public crypto.PublicKey, seal func(session *rsa.PublicKey) ([]byte, error), inner []byte) (Key, error) {
	panic("TODO")
}
