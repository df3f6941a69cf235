package world

import (
	"cmp"
	"encoding/base64"
	"errors"
	"path/filepath"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/secret"
	"byok/internal/transfer"
)

// Recovery asks for the world on an empty module.
type Recovery struct {
	Label   string // of the token; empty is the world's own
	Cards   *Quorate
	UserPIN *secret.Bytes
	Say     func(format string, args ...any)
}

// pendingModule is the pending file of a recovery: the label that an
// interrupted run may have initialised a token with.
type pendingModule struct {
	Label string `json:"label"`
}

// Recover makes the world again on a free token: the same SO PIN, module key
// and signing key, so the same hknso. Keys come back one by one, with Restore.
func (w *World) Recover(m *hsm.Module, r Recovery) (Module, error) {
	if r.Label == "" {
		r.Label = w.Label
	}
	if err := checkLabel(r.Label); err != nil {
		return Module{}, err
	}
	if w.state.SOPIN != "" {
		return Module{}, exitcode.Errorf(exitcode.Refused, "this world was adopted: its SO PIN belongs to one token and cannot be set on another")
	}
	path := filepath.Join(local(w.dir), modulePrefix+"new")
	token, err := w.recoverable(m, r, path)
	if err != nil {
		return Module{}, err
	}
	if w.recordedOn(token) && exists(pendingPath(path)) { // all but the last step was done
		return moduleOf(m, token), clearPending(path)
	}
	module, err := w.recoverTo(m, token, r)
	if err != nil {
		return Module{}, exitcode.Hint(err, "run the same command again: it begins again on the same token")
	}
	return module, clearPending(path)
}

// recoverable finds the token: a free one, or the one that an interrupted
// recovery has initialised.
func (w *World) recoverable(m *hsm.Module, r Recovery, path string) (hsm.Token, error) {
	var before pendingModule
	interrupted, err := pending(path, &before)
	if err != nil {
		return hsm.Token{}, err
	}
	labelled, err := m.Labelled(r.Label)
	switch {
	case err != nil:
		return hsm.Token{}, err
	case interrupted && before.Label != r.Label:
		return hsm.Token{}, exitcode.Errorf(exitcode.Refused, "an interrupted recovery used --label %q: use it again", before.Label)
	case interrupted && len(labelled) == 1:
		return labelled[0], nil
	case len(labelled) > 0:
		return hsm.Token{}, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "label %q is taken by a token that is initialised (serial %s)", r.Label, labelled[0].Serial),
			"choose another one with --label")
	}
	token, err := m.Free()
	if err != nil || interrupted {
		return token, err
	}
	return token, setPending(path, pendingModule{Label: r.Label})
}

func (w *World) recoverTo(m *hsm.Module, token hsm.Token, r Recovery) (Module, error) {
	pin, err := r.Cards.soPIN()
	if err != nil {
		return Module{}, err
	}
	defer pin.Wipe()
	if token, err = m.Initialise(token, pin, r.Label); err != nil {
		return Module{}, err
	}
	r.Say("%v initialised, its SO PIN derived from the cards", token)
	km, err := r.Cards.secret.ModuleKey()
	if err != nil {
		return Module{}, err
	}
	defer km.Wipe()
	if err := w.recoverModuleKey(m, token, r, km); err != nil {
		return Module{}, err
	}
	user, err := m.User(token, r.UserPIN)
	if err != nil {
		return Module{}, err
	}
	module, err := w.recoverSigningKey(m, user, km)
	return module, cmp.Or(err, user.Close())
}

func (w *World) recoverModuleKey(m *hsm.Module, token hsm.Token, r Recovery, km *secret.Bytes) error {
	if checkValue(km) != w.state.CheckValue {
		return exitcode.Errorf(exitcode.Check, "the module key of these cards has not the check value that the world records")
	}
	so, err := r.Cards.officer(m, token)
	if err != nil {
		return err
	}
	defer so.Close()
	if err := so.SetUserPIN(r.UserPIN); err != nil {
		return err
	}
	return so.CreateModuleKey(moduleKey(w.state.Cards), km)
}

func (w *World) recoverSigningKey(m *hsm.Module, user *hsm.User, km *secret.Bytes) (Module, error) {
	if err := probeWorld(user, moduleKey(w.state.Cards)); err != nil {
		return Module{}, err
	}
	blob, err := base64.StdEncoding.DecodeString(w.state.KNSOBlob)
	if err != nil {
		return Module{}, exitcode.Errorf(exitcode.Usage, "the backup of the world signing key is malformed")
	}
	if err := user.Restore(signingKeyLabel, w.knso, km, blob); err != nil {
		return Module{}, err
	}
	op := &Operator{world: w, user: user}
	if err := op.recognise(); err != nil {
		return Module{}, err
	}
	if err := user.ProbeKey(op.knso); err != nil {
		return Module{}, err
	}
	return w.recordModule(m, op)
}

// recordModule writes the module's file. The serial is known only now, so the
// output could not be opened earlier; a failure is told with how to go on.
func (w *World) recordModule(m *hsm.Module, op *Operator) (Module, error) {
	module := moduleOf(m, op.user.Token)
	out, err := reserve(w.modulePath(module.Serial))
	if err != nil {
		return Module{}, err
	}
	defer out.set.Discard()
	file := ModuleFile{Type: moduleType, Version: 1, Rehearsal: w.Rehearsal, HKNSO: w.HKNSO, Module: module, Created: now()}
	return module, out.commit(file, op, w.knso)
}

func (w *World) modulePath(serial string) string {
	return filepath.Join(local(w.dir), modulePrefix+fileSafe(serial))
}

// recordedOn tells whether an interrupted recovery to the token had come to its end.
func (w *World) recordedOn(t hsm.Token) bool { return t.Initialised && exists(w.modulePath(t.Serial)) }

func moduleOf(m *hsm.Module, t hsm.Token) Module {
	return Module{Library: m.Path, Manufacturer: t.Manufacturer, Model: t.Model, Firmware: t.Firmware, Serial: t.Serial}
}

const (
	// A restored key's file, local/restored_<key>_<serial>, is its key file with
	// what it may do since, and where.
	restoredType   = "byok-restored"
	restoredPrefix = "restored_"
)

// Restore brings a key back from its backup blob: the same public key and the
// same restrictions. The token cannot vouch for its origin any more.
func (op *Operator) Restore(ident string, cards *Quorate) (KeyFile, error) {
	w := op.world
	k, err := w.Key(Simple, ident)
	if err != nil {
		return k, err
	}
	if _, err := op.user.FindKey(k.Name()); err == nil {
		return k, exitcode.Errorf(exitcode.Refused, "%s is on %v already", k.Name(), op.user.Token)
	} else if !errors.Is(err, hsm.ErrNotFound) {
		return k, err
	}
	path := w.restoredPath(k, op.user.Token.Serial)
	if exists(path) { // restored before, and lost since
		if err := putAside(path, now()); err != nil {
			return k, err
		}
	}
	out, err := reserve(path)
	if err != nil {
		return k, err
	}
	defer out.set.Discard()
	restored, err := op.restore(k, cards)
	if err == nil {
		err = out.commit(restored, op, w.knso)
	}
	if err != nil {
		_, cleanErr := op.user.DestroyLabelled(k.Name())
		return k, leaving(err, cleanErr)
	}
	return restored, nil
}

func (w *World) restoredPath(k KeyFile, serial string) string {
	return filepath.Join(local(w.dir), restoredPrefix+k.Name()+"_"+fileSafe(serial))
}

func (op *Operator) restore(k KeyFile, cards *Quorate) (KeyFile, error) {
	blob, err := op.world.backupOf(k)
	if err != nil {
		return k, err
	}
	km, err := cards.secret.ModuleKey()
	if err != nil {
		return k, err
	}
	defer km.Wipe()
	// An interrupted run may have left half a pair; nothing else has this label.
	if _, err := op.user.DestroyLabelled(k.Name()); err != nil {
		return k, err
	}
	if err := op.user.Restore(k.Name(), publicOf(k), km, blob); err != nil {
		return k, err
	}
	key, err := op.find(k)
	if err != nil {
		return k, err
	}
	if err := op.proveRestored(k, key); err != nil {
		return k, err
	}
	k.Permissions, err = op.user.Permissions(key)
	k.Serial, k.Created, k.Type = op.user.Token.Serial, now(), restoredType
	return k, err
}

// proveRestored tries to undo the restrictions, and has the key sign (or, for
// AES, give its check value), so that it is the key its file describes.
func (op *Operator) proveRestored(k KeyFile, key hsm.Key) error {
	if err := op.user.ProbeKey(key); err != nil {
		return err
	}
	if key.Secret {
		value, err := op.checkValue(Simple, k.Ident, key)
		if err == nil && value != k.CheckValue {
			err = exitcode.Errorf(exitcode.Check, "%s restored has another check value than its file records", k.Name())
		}
		return err
	}
	message := []byte("restored: " + k.Name())
	sig, err := op.user.Sign(key, message)
	if err != nil {
		return err
	}
	return exitcode.Mark(exitcode.Check, transfer.VerifySignature(key.Public, message, sig))
}
