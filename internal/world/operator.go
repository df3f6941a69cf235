package world

import (
	"cmp"
	"crypto"
	"encoding/hex"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/transfer"
)

// Operator is a world at work: the user PIN has been given, and the token has
// been recognised as the world's own.
type Operator struct {
	world *World
	user  *hsm.User
	knso  hsm.Key
}

// Login opens the world's token with the user PIN. The token must carry the
// world's serial and its signing key: a wrong HSM is told before the PIN is
// tried, a foreign token afterwards.
func (w *World) Login(m *hsm.Module, pin *secret.Bytes) (*Operator, error) {
	token, err := w.token(m)
	if err != nil {
		return nil, err
	}
	user, err := m.User(token, pin)
	if err != nil {
		return nil, err
	}
	op := &Operator{world: w, user: user}
	if err := op.recognise(); err != nil {
		return nil, cmp.Or(err, op.Close())
	}
	return op, nil
}

func (op *Operator) recognise() error {
	var err error
	if op.knso, err = op.user.FindKey(signingKeyLabel); err != nil {
		return err
	}
	if !transfer.SamePublicKey(op.knso.Public, op.world.knso) {
		return exitcode.Errorf(exitcode.Check, "%v holds another security world than %s: their signing keys differ", op.user.Token, op.world.dir)
	}
	return nil
}

// Close logs the operator out.
func (op *Operator) Close() error { return op.user.Close() }

func (op *Operator) signWithKNSO(message []byte) ([]byte, error) {
	return op.user.Sign(op.knso, message)
}

// find returns the key of a key file, after comparing it with the file.
func (op *Operator) find(k KeyFile) (hsm.Key, error) {
	key, err := op.user.FindKey(k.Name())
	if err != nil {
		return key, err
	}
	same, err := op.isKeyOf(key, k)
	if err != nil {
		return key, err
	}
	if !same {
		return key, exitcode.Errorf(exitcode.Check, "%s on %v is not the key that its file describes", k.Name(), op.user.Token)
	}
	return key, nil
}

// isKeyOf compares a key with its file: by its public half, or by its check
// value, which a transfer copy cannot give.
func (op *Operator) isKeyOf(key hsm.Key, k KeyFile) (bool, error) {
	if key.Secret != k.Spec().Secret() {
		return false, nil
	}
	if !key.Secret {
		return samePublic(key.Public, k.PublicKey), nil
	}
	if k.App == Transfer {
		return key.Bits == k.Bits, nil
	}
	value, err := op.user.CheckValue(key)
	return hex.EncodeToString(value) == k.CheckValue, err
}

// matchesBackup tells whether a key, or the transfer copy of a key, is the one
// that was backed up when it was generated. Its label, its CKA_ID and so the
// public key beside it can be another's: the operator may give them to any key.
func (op *Operator) matchesBackup(ident string, key hsm.Key) error {
	original, err := op.world.Key(Simple, ident)
	if err != nil {
		return err
	}
	blob, err := op.world.backupOf(original)
	if err != nil {
		return err
	}
	same, err := op.user.Backed(moduleKey(op.world.state.Cards), key, blob)
	if err == nil && !same {
		err = exitcode.Errorf(exitcode.Check, "%s on %v is another key than was generated: the module key wraps it to another backup", key.Label, op.user.Token)
	}
	return err
}

func samePublic(public crypto.PublicKey, pem string) bool {
	recorded, err := transfer.ParsePublicKey(pem)
	return err == nil && transfer.SamePublicKey(public, recorded)
}

// checkValue identifies an AES key. A transfer copy cannot encrypt any more:
// it is known by its original's.
func (op *Operator) checkValue(app, ident string, key hsm.Key) (string, error) {
	if app == Transfer {
		original, err := op.world.Key(Simple, ident)
		return original.CheckValue, err
	}
	value, err := op.user.CheckValue(key)
	return hex.EncodeToString(value), err
}
