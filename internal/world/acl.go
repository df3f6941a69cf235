package world

import (
	"cmp"

	"byok/internal/attest"
	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
)

// ACLChange asks for a copy of a key with reduced permissions, to be wrapped
// for one KEK and nothing else. It needs the quorum and the operator.
type ACLChange struct {
	Ident string
	KEK   *attest.KEK // only a check makes one
	Cards *Quorate
	PIN   *secret.Bytes
	Say   func(format string, args ...any)
	Warn  func(text string) // what a careful person would want to know first; may be nil
}

// ModifyACL has the quorum trust the KEK and a fresh transfer key, and makes
// the transfer copy of the key. On an error nothing of it is left on the token.
func (w *World) ModifyACL(m *hsm.Module, c ACLChange) (KeyFile, error) {
	original, err := w.Key(Simple, c.Ident)
	if err != nil {
		return KeyFile{}, err
	}
	if c.KEK.Rehearsal() != w.Rehearsal {
		return KeyFile{}, w.mixed("the KEK package", c.KEK.Rehearsal())
	}
	done, err := w.makeRoom(m, c, original)
	if err != nil {
		return KeyFile{}, err
	}
	if done {
		c.Say("there is a whole transfer copy for this KEK already; nothing was left to do")
		return w.Key(Transfer, c.Ident)
	}
	out, err := reserve(w.path(Transfer, c.Ident))
	if err != nil {
		return KeyFile{}, err
	}
	defer out.set.Discard()
	k, err := w.modifyACL(m, c, original, out)
	if err != nil {
		return KeyFile{}, leaving(err, w.destroyTransfer(m, c.PIN, c.Ident))
	}
	return k, nil
}

// mixed refuses to bring rehearsal and production together.
func (w *World) mixed(what string, rehearsal bool) error {
	if rehearsal {
		return exitcode.Errorf(exitcode.Refused, "%s is from a rehearsal, and this is a production world (%s)", what, w.dir)
	}
	return exitcode.Errorf(exitcode.Refused, "%s is from production, and this is a rehearsal world (%s)", what, w.dir)
}

func (w *World) modifyACL(m *hsm.Module, c ACLChange, original KeyFile, out *pair) (KeyFile, error) {
	if err := w.trust(m, c); err != nil {
		return KeyFile{}, err
	}
	op, err := w.Login(m, c.PIN)
	if err != nil {
		return KeyFile{}, err
	}
	k, err := op.reduce(c, original, out)
	_ = op.Close() // what is done is done, and nothing depends on it
	return k, err
}

// makeRoom tries the user PIN and finds the key before the quorum's login,
// and removes what an interrupted run left behind. done tells that there is a
// transfer copy for this KEK, which waits to be packaged.
func (w *World) makeRoom(m *hsm.Module, c ACLChange, original KeyFile) (done bool, err error) {
	op, err := w.Login(m, c.PIN)
	if err != nil {
		return false, err
	}
	key, err := op.find(original)
	if err == nil {
		err = op.warnOfOrigin(key, c.Warn)
	}
	if err == nil {
		err = op.warnOfPadding(original, c.Warn)
	}
	if err == nil {
		done, err = op.archive(c)
	}
	if err == nil && !done {
		err = op.clearTransfer(c.Ident)
	}
	return done, cmp.Or(err, op.Close())
}

// archive puts aside the record of an earlier transfer whose copy has been
// packaged and destroyed, or that waits for another KEK, which may have expired
// meanwhile. One that waits for the same KEK is what is asked for.
func (op *Operator) archive(c ACLChange) (done bool, err error) {
	path := op.world.path(Transfer, c.Ident)
	if !exists(path) {
		return false, nil
	}
	k, err := op.world.Key(Transfer, c.Ident)
	if err != nil {
		return false, err
	}
	if op.waits(k) {
		if k.checkKEK(c.KEK) == nil && op.user.IsKEK(kekLabel(c.Ident), c.KEK.PublicKey()) == nil {
			return true, nil
		}
		c.Say("the transfer copy for KEK %s, which waits to be packaged, gives way", kidOf(k))
	}
	return false, putAside(path, k.Created)
}

// waits tells whether a transfer can still be packaged. An operator can
// destroy or replace what belongs to it; then it has to be made anew.
func (op *Operator) waits(k KeyFile) bool {
	_, err := op.transferCopy(k)
	return err == nil && op.user.ProbeKEK(kekLabel(k.Ident)) == nil && op.user.ProbeTransferKey(transferLabel(k.Ident)) == nil
}

// trust does the security officer's part.
func (w *World) trust(m *hsm.Module, c ACLChange) error {
	token, err := w.token(m)
	if err != nil {
		return err
	}
	so, err := c.Cards.officer(m, token)
	if err != nil {
		return err
	}
	defer so.Close()
	if err := so.TrustKEK(kekLabel(c.Ident), c.KEK.PublicKey()); err != nil {
		return err
	}
	c.Say("the quorum trusts KEK %v", c.KEK.KID())
	return so.GenerateTransferKey(transferLabel(c.Ident))
}

// reduce makes the transfer copy, tries to undo every restriction, and writes the key file.
func (op *Operator) reduce(c ACLChange, original KeyFile, out *pair) (KeyFile, error) {
	if err := op.user.ProbeKEK(kekLabel(c.Ident)); err != nil {
		return KeyFile{}, err
	}
	if err := op.user.IsKEK(kekLabel(c.Ident), c.KEK.PublicKey()); err != nil {
		return KeyFile{}, err
	}
	if err := op.user.ProbeTransferKey(transferLabel(c.Ident)); err != nil {
		return KeyFile{}, err
	}
	key, err := op.find(original)
	if err != nil {
		return KeyFile{}, err
	}
	reduced, err := op.user.Reduce(key, keyName(Transfer, c.Ident))
	if err != nil {
		return KeyFile{}, err
	}
	if err := op.user.ProbeCopy(reduced); err != nil {
		return KeyFile{}, err
	}
	if err := op.matchesBackup(c.Ident, reduced); err != nil {
		return KeyFile{}, err
	}
	c.Say("transfer copy: every restriction read back, and none could be undone")
	k, err := op.newKeyFile(Transfer, c.Ident, reduced)
	if err != nil {
		return KeyFile{}, err
	}
	k.PlainName = original.PlainName
	k.KEK = &KEKBinding{KID: c.KEK.KID(), Bits: c.KEK.PublicKey().N.BitLen(), Fingerprint: c.KEK.Fingerprint(), Attested: c.KEK.Attested()}
	return k, out.commit(k, op, op.world.knso)
}

// clearTransfer destroys the transfer objects of an identifier: the KEK, the
// transfer key and the copy. None of them is a key anybody could miss. The copy
// goes last: while it is there, an interrupted run is taken up again.
func (op *Operator) clearTransfer(ident string) error {
	for _, label := range []string{kekLabel(ident), transferLabel(ident), keyName(Transfer, ident)} {
		if _, err := op.user.DestroyLabelled(label); err != nil {
			return err
		}
	}
	return nil
}

// destroyTransfer cleans up after a failed change, whoever was logged in.
func (w *World) destroyTransfer(m *hsm.Module, pin *secret.Bytes, ident string) error {
	op, err := w.Login(m, pin)
	if err != nil {
		return err
	}
	return cmp.Or(op.clearTransfer(ident), op.Close())
}

// Permissions reads what a key may do on the token now, and what was recorded
// when it was generated, or restored to this module.
func (op *Operator) Permissions(k KeyFile) (live, recorded []string, err error) {
	key, err := op.find(k)
	if err != nil {
		return nil, nil, err
	}
	if recorded, _, err = op.world.permissionsOn(k, op.user.Token.Serial); err != nil {
		return nil, nil, err
	}
	live, err = op.user.Permissions(key)
	return live, recorded, err
}
