package hsm

// Sign signs the SHA-256 of message: RSASSA-PKCS1-v1_5 (RFC 8017, section
// 8.2) or ECDSA as a DER sequence (RFC 3279, section 2.2.3), which is what
// openssl dgst -sha256 -verify checks.
func (s *Session) Sign(k Key, message []byte) ([]byte, error) {
	panic("TODO")
}

// SignPossession is Sign with the digest of the key's kind: SHA-384 for P-384,
// SHA-512 for P-521, SHA-256 for the others.
func (s *Session) SignPossession(k Key, message []byte) ([]byte, error) {
	panic("TODO")
}

// Proves proves, with this handle, that k is the key known by want: it signs a
// fresh challenge that verifies under the public key, or enciphers a fixed
// block to the check value. The status of the error is Check if it is another key.
func (s *Session) Proves(k Key, want Identity) error {
	panic("TODO")
}
