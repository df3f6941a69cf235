package world

import (
	"fmt"
	"slices"

	"byok/internal/hsm"
)

// warnOfPadding tells, in production, of a module that wraps with zero bytes
// behind the key (hsm.KeyWrap.ZeroPads): the vault's documentation does not
// say whether it takes such a blob. An AES key fills whole blocks and has none.
func (op *Operator) warnOfPadding(k KeyFile, warn func(text string)) error {
	if op.world.Rehearsal || k.Spec().Secret() || warn == nil {
		return nil
	}
	w, err := op.user.KeyWrap()
	if err == nil && w.ZeroPads {
		t := op.user.Token
		warn(fmt.Sprintf("%s %s wraps with up to seven zero bytes behind the key: whether the Azure service takes that is not documented, so send it a worthless key first", t.Model, t.Firmware))
	}
	return err
}

// warnOfOrigin tells the quorum of a key that the token does not say it made
// itself: a key file and its signature can be the operator's work.
func (op *Operator) warnOfOrigin(key hsm.Key, warn func(text string)) error {
	permissions, err := op.user.Permissions(key)
	if err == nil && warn != nil && !slices.Contains(permissions, "LOCAL") {
		warn(fmt.Sprintf("%s was not generated on this token (LOCAL is false): it was restored from its backup, or somebody who knows it brought it here", key.Label))
	}
	return err
}
