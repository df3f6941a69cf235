package world

import (
	"cmp"
	"encoding/base64"
	"errors"
	"path/filepath"

	"github.com/miekg/pkcs11"

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
	if err := w.checkCards(r.Cards); err != nil {
		return Module{}, err
	}
	path := filepath.Join(local(w.dir), modulePrefix+"new")
	if err := w.checkAbsent(m, path); err != nil {
		return Module{}, err
	}
	token, done, err := w.recoverable(m, r, path)
	if err != nil {
		return Module{}, err
	}
	if done { // all but the last step
		return moduleOf(m, token), clearPending(path)
	}
	module, err := w.recoverTo(m, token, r)
	if err != nil {
		return Module{}, exitcode.Hint(err, "run the same command again: it begins again on the same token")
	}
	return module, clearPending(path)
}

// checkCards wants the card set in force, and from it the module key that the
// world records, before a token is touched.
func (w *World) checkCards(q *Quorate) error {
	if q.Set.Number != w.state.Cards.Number {
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "these are cards of set %d, and set %d is in force", q.Set.Number, w.state.Cards.Number),
			"finish byok-offline world replace-cards first")
	}
	km, err := q.secret.ModuleKey()
	if err != nil {
		return err
	}
	defer km.Wipe()
	if checkValue(km) != w.state.CheckValue {
		return exitcode.Errorf(exitcode.Check, "the module key of these cards has not the check value that the world records")
	}
	return nil
}

// checkAbsent refuses to make a second module of this world beside one that is
// connected: no command could tell which to work with.
func (w *World) checkAbsent(m *hsm.Module, path string) error {
	if exists(pendingPath(path)) {
		return nil // it may be the one being made
	}
	modules, err := w.Modules()
	if err != nil {
		return err
	}
	for _, one := range modules {
		if t, err := m.Token(one.Serial); err == nil {
			return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%v is a module of this world, and it is connected", t),
				"byok-offline world check; if the token is to be given up, disconnect or wipe it first")
		}
	}
	return nil
}

// recoverable finds the token: a free one, or the one that an interrupted
// recovery has initialised. done tells that it had come to its end there.
func (w *World) recoverable(m *hsm.Module, r Recovery, path string) (token hsm.Token, done bool, err error) {
	var before pendingModule
	interrupted, err := pending(path, &before)
	if err != nil {
		return token, false, err
	}
	labelled, err := m.Labelled(r.Label)
	switch {
	case err != nil:
		return token, false, err
	case interrupted && before.Label != r.Label:
		return token, false, exitcode.Errorf(exitcode.Refused, "an interrupted recovery used --label %q: use it again", before.Label)
	case interrupted && len(labelled) == 1:
		done, err = w.interruptedOn(m, labelled[0], r.Cards)
		return labelled[0], done, err
	case len(labelled) > 0:
		return token, false, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "label %q is taken by a token that is initialised (serial %s)", r.Label, labelled[0].Serial),
			"choose another one with --label")
	}
	token, err = m.Free()
	if err != nil || interrupted {
		return token, false, err
	}
	return token, false, setPending(path, pendingModule{Label: r.Label})
}

// interruptedOn tells how far an interrupted recovery has come on a token. One
// that the cards do not open, or a whole module of this world which no recovery
// was making, is not ours to initialise again.
func (w *World) interruptedOn(m *hsm.Module, t hsm.Token, q *Quorate) (done bool, err error) {
	so, err := q.officer(m, t)
	if err != nil {
		return false, err
	}
	defer so.Close()
	_, err = so.Find(pkcs11.CKO_PUBLIC_KEY, signingKeyLabel)
	if errors.Is(err, hsm.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if exists(w.modulePath(t.Serial)) {
		return true, nil
	}
	if t.Serial == w.Module.Serial {
		return false, exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%v holds this world whole: nothing has to be recovered there", t),
			"disconnect it, or choose another token's name with --label")
	}
	return false, nil
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
	if module.Serial == w.Module.Serial || exists(w.modulePath(module.Serial)) { // recorded before
		return module, nil
	}
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
// same restrictions. The token cannot vouch for its origin any more. On an
// error nothing is left on the token; what a killed run left, the next removes.
func (op *Operator) Restore(ident string, cards *Quorate) (KeyFile, error) {
	w := op.world
	k, err := w.Key(Simple, ident)
	if err != nil {
		return k, err
	}
	path := w.restoredPath(k, op.user.Token.Serial)
	var before pendingKey
	interrupted, err := pending(path, &before)
	if err != nil {
		return k, err
	}
	if interrupted && exists(path) { // all but the last step was done
		return k, op.unretire(k, path)
	}
	if err := op.makeRoomFor(k, path, interrupted); err != nil {
		return k, err
	}
	restored, err := op.restoreTo(k, cards, path)
	if err != nil {
		_, cleanErr := op.user.DestroyLabelled(k.Name())
		if cleanErr == nil { // otherwise the next run cleans up
			cleanErr = clearPending(path)
		}
		return k, leaving(err, cleanErr)
	}
	return restored, op.unretire(k, path)
}

// unretire puts aside that the key was retired, if it was, and ends the restoration.
func (op *Operator) unretire(k KeyFile, path string) error {
	if op.world.retired(k) {
		if err := putAside(op.world.retiredPath(k), now()); err != nil {
			return err
		}
	}
	return clearPending(path)
}

// makeRoomFor wants the key not to be on the token, but for what an
// interrupted restoration left, and puts the record of an earlier one aside.
func (op *Operator) makeRoomFor(k KeyFile, path string, interrupted bool) error {
	if interrupted {
		_, err := op.user.DestroyLabelled(k.Name())
		return err
	}
	if _, err := op.user.FindKey(k.Name()); err == nil {
		return exitcode.Errorf(exitcode.Refused, "%s is on %v already", k.Name(), op.user.Token)
	} else if !errors.Is(err, hsm.ErrNotFound) {
		return err
	}
	if exists(path) { // restored before, and lost since
		if err := putAside(path, now()); err != nil {
			return err
		}
	}
	return setPending(path, pendingKey{Label: k.Name()})
}

func (op *Operator) restoreTo(k KeyFile, cards *Quorate, path string) (KeyFile, error) {
	out, err := reserve(path)
	if err != nil {
		return k, err
	}
	defer out.set.Discard()
	restored, err := op.restore(k, cards)
	if err != nil {
		return k, err
	}
	return restored, out.commit(restored, op, op.world.knso)
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
