package quorum

import (
	"encoding/base64"

	"byok/internal/exitcode"
	"byok/internal/keywrap"
	"byok/internal/secret"
)

// Seal wraps a private key (PKCS#8, DER) or a PIN under the key of a purpose
// (RFC 5649) and returns base64 (RFC 4648, section 4, with padding). A purpose
// and context seal one thing only. With the key that [Secret.Key] returns,
//
//	base64 -d | openssl enc -d -id-aes256-wrap-pad -iv A65959A6 -K HEX
//
// opens it. The seal does not say whose it is: compare what was opened with
// the public half in the signed file.
func Seal(s *Secret, c Context, p Purpose, plain *secret.Bytes) (sealed string, err error) {
	key, err := s.Key(c, p)
	if err != nil {
		return "", err
	}
	defer key.Wipe()
	secret.Erased(func() {
		var wrapped []byte
		wrapped, err = keywrap.Wrap(key.Reveal(), plain.Reveal())
		sealed = base64.StdEncoding.EncodeToString(wrapped)
	})
	if err != nil {
		return "", err
	}
	return sealed, nil
}

// hintCopy is for a seal that was altered, or is of another set.
const hintCopy = "compare the statement with another copy of kmdata"

// Unseal undoes [Seal]; call it inside of something that ends with
// [secret.Collect]. A text that is not base64, in its one spelling, has
// status Usage; one that does not open under this secret, purpose and context
// has status Check.
func Unseal(s *Secret, c Context, p Purpose, sealed string) (plain *secret.Bytes, err error) {
	key, err := s.Key(c, p)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	row, _ := p.use()
	wrapped, err := base64.StdEncoding.Strict().DecodeString(sealed)
	if err != nil || base64.StdEncoding.EncodeToString(wrapped) != sealed {
		return nil, exitcode.Errorf(exitcode.Usage, "the seal on %s is not base64", row.of).Hint("%s", hintCopy)
	}
	secret.Scoped(func() {
		var opened []byte
		opened, err = keywrap.Unwrap(key.Reveal(), wrapped)
		plain = secret.Take(opened)
	})
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Check, "the seal on %s does not open with the cards of set %d, hknso %.8s: %w",
			row.of, c.Set, c.HKNSO, err).Hint("%s", hintCopy)
	}
	return plain, nil
}
