package hsm

// Wrapping is what a key is wrapped under: KM and KW for a backup, a KEK and
// its transfer key for the vault.
type Wrapping struct {
	Form  Form
	Outer Object // KM or the KEK
	Inner Object // KW or the transfer key; unused in one call
	// OAEP is the first part, if it exists already: KW under KM, as MakeKW
	// returned it. It is nil for a transfer key, and unused in one call.
	OAEP []byte
}

// Wrap wraps a key: RSA-OAEP (SHA-1, MGF1-SHA1) of an AES-256 key under the
// outer key, as long as its modulus, then RFC 5649 of the key under that AES
// key: CKM_RSA_AES_KEY_WRAP (PKCS#11 v2.40, section 2.1.21) in either form.
func (s *Session) Wrap(w Wrapping, k Key) ([]byte, error) {
	panic("TODO")
}

func (s *Session) wrapOAEP(outer, inner Object, what string) ([]byte, error) { panic("TODO") }
