package keywrap

// Form is how a module wraps a key under an RSA key: chosen once for each
// module, recorded in its statement, and never mixed. Both forms give the same
// two parts, RSA-OAEP of an AES key and AES key wrap with padding.
type Form string

// The forms. TwoSteps needs an AES key on the token: KW for backups, a transfer
// key for the vault.
const (
	OneCall  Form = "one call"  // CKM_RSA_AES_KEY_WRAP
	TwoSteps Form = "two steps" // CKM_RSA_PKCS_OAEP, then AES key wrap with padding (RFC 5649)
)
