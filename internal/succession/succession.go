// Package succession decides whether a key may become the next version of a name
// in a vault. Whoever uses the key by its name alone gets the newest version, so
// what a quorum approved is asked here: the key itself once more, or one that
// follows the key which is there.
//
// Use [Check] before a key is imported. Between the check and the import another
// client may import as well: what the vault holds afterwards is proved by package
// readback.
package succession

import (
	"context"
	"errors"
	"net/http"

	"byok/internal/azure"
	"byok/internal/exitcode"
	"byok/internal/keykind"
	"byok/internal/proof"
	"byok/internal/statement"
	"byok/internal/vault"
)

// Vault is what the check asks of a vault; [vault.Client] is one.
type Vault interface {
	// Key reads a key version; version "" is the current one.
	Key(ctx context.Context, name, version string) (vault.Key, error)
	// ProveTo has the vault use a key version; see [vault.Client.ProveTo].
	ProveTo(ctx context.Context, k vault.Key, e vault.Expected, nonce []byte) (proof.Proof, error)
}

// ErrUnread is in the error where the current version may not be read: it is
// disabled, or the account reads no keys. Whoever knows it by other means may go on.
var ErrUnread = errors.New("cannot be compared")

// Step is a key on its way to a name.
type Step struct {
	Name     string
	Key      vault.Expected
	Blob     string              // SHA-256 of its .byok in hex, by which an AES key is known in a vault
	Replaces *statement.Replaced // the key that it follows, as a quorum approved; nil for none
}

// Check refuses a key under whose name the vault holds another one, unless that is
// the key which it follows. The status is Refused, or that of the vault's error.
func Check(ctx context.Context, v Vault, s Step) error {
	current, err := v.Key(ctx, s.Name, "")
	switch {
	case answered(err, http.StatusNotFound):
		return nil
	case answered(err, http.StatusForbidden):
		return exitcode.Errorf(exitcode.Refused, "the vault's current version of %s %w: %w", s.Name, ErrUnread, err).
			Hint("enable that version, or sign in as somebody who may read keys")
	case err != nil:
		return err
	case s.itself(current):
		return nil
	case s.Replaces == nil:
		return exitcode.Errorf(exitcode.Refused,
			"the vault holds another key as %v, and the quorum did not approve this one to follow it", current.ID).
			Hint("byok-offline key generate --replaces IDENT makes a key that follows it; otherwise have another " +
				"--key-friendly-name approved")
	}
	return s.follows(ctx, v, current)
}

// answered reports whether the vault's answer has the HTTP status.
func answered(err error, status int) bool {
	var answer *azure.Error
	return errors.As(err, &answer) && answer.Status == status
}

// itself reports whether the current version is the key that is to be sent.
func (s Step) itself(current vault.Key) bool {
	if s.Key.PublicKey == nil {
		return s.Blob != "" && current.Tags[vault.TagBlob] == s.Blob
	}
	return keykind.SamePublicKey(s.Key.PublicKey, current.PublicKey)
}

// follows refuses a current version that is not the key which the new one follows.
func (s Step) follows(ctx context.Context, v Vault, current vault.Key) error {
	other := exitcode.Errorf(exitcode.Refused, "the vault's current version, %v, is not the key %s that this one follows",
		current.ID, s.Replaces.Ident).
		Hint("upload %s first; if it was replaced by another key there, find out by whom", s.Replaces.Ident)
	if !s.Replaces.Secret() {
		if keykind.SamePublicKey(s.Replaces.Public(), current.PublicKey) {
			return nil
		}
		return other
	}
	return s.provedSecret(ctx, v, current, other)
}

// provedSecret has the vault compute the check value of an AES key, which shows
// nothing else to compare.
func (s Step) provedSecret(ctx context.Context, v Vault, current vault.Key, other error) error {
	old := vault.Expected{Kty: keykind.OctHSM, Bits: s.Replaces.Bits, CheckValue: s.Replaces.CheckBytes()}
	_, err := v.ProveTo(ctx, current, old, nil)
	var answer *azure.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer):
		return err
	case exitcode.Of(err) == exitcode.Check:
		return other
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "the vault's current version cannot be compared: %w", err),
		"%s", exitcode.HintOf(err))
}
