package world

import (
	"crypto"
	"path/filepath"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/transfer"
)

const (
	retiredType   = "byok-retired"
	retiredPrefix = "retired_"
)

// RetiredFile is local/retired_<key>, signed by KNSO: the key's objects were
// destroyed. Its key file stays, and with it the backup: whoever has K cards
// of the set that wrapped it can still bring the key back.
type RetiredFile struct {
	Type      string          `json:"type"`
	Version   int             `json:"version"`
	Rehearsal bool            `json:"rehearsal"`
	HKNSO     fingerprint.Sum `json:"hknso"`
	Key       string          `json:"key"`
	Serial    string          `json:"module_serial"`
	Destroyed int             `json:"objects_destroyed"`
	Retired   time.Time       `json:"retired"`
}

func (w *World) retiredPath(k KeyFile) string {
	return filepath.Join(local(w.dir), retiredPrefix+k.Name())
}

func (w *World) retired(k KeyFile) bool { return exists(w.retiredPath(k)) }

// Retire destroys a key on the token with everything made for its transfer,
// and records that. The caller has had it confirmed.
func (op *Operator) Retire(ident string) (RetiredFile, error) {
	w := op.world
	k, err := w.Key(Simple, ident)
	if err != nil {
		return RetiredFile{}, err
	}
	out, err := reserve(w.retiredPath(k))
	if err != nil {
		return RetiredFile{}, err
	}
	defer out.set.Discard()
	if err := op.clearTransfer(ident); err != nil {
		return RetiredFile{}, err
	}
	n, err := op.user.DestroyLabelled(k.Name())
	if err != nil {
		return RetiredFile{}, err
	}
	file := RetiredFile{Type: retiredType, Version: 1, Rehearsal: w.Rehearsal, HKNSO: w.HKNSO, Key: k.Name(), Serial: op.user.Token.Serial, Destroyed: n, Retired: now()}
	return file, out.commit(file, op, w.knso)
}

// publicOf is a key file's public key, nil for AES.
func publicOf(k KeyFile) crypto.PublicKey {
	public, err := transfer.ParsePublicKey(k.PublicKey)
	if err != nil {
		return nil
	}
	return public
}
