package world

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
	"byok/internal/transfer"
)

const (
	acceptedType   = "byok-accepted-kek"
	acceptedPrefix = "accepted_kek_"
)

// acceptance records that people compared the fingerprint of a KEK that no
// attestation proves. It is a memory, not a proof: every use of it is said and
// logged again.
type acceptance struct {
	Type        string          `json:"type"`
	Version     int             `json:"version"`
	KID         transfer.KeyID  `json:"kid"`
	Fingerprint fingerprint.Sum `json:"spki_sha256"`
	Accepted    time.Time       `json:"accepted"`
}

// Accept records the acceptance of an unattested KEK in kmdata; doing it again changes nothing.
func (w *World) Accept(kid transfer.KeyID, sum fingerprint.Sum) error {
	path := filepath.Join(local(w.dir), acceptedPrefix+sum.String())
	if exists(path) {
		return nil
	}
	data, err := strictjson.Marshal(acceptance{acceptedType, 1, kid, sum, now()})
	if err != nil {
		return err
	}
	return durable.WriteFile(path, data, 0o600)
}

// Accepted lists the fingerprints of the unattested KEKs accepted so far.
func (w *World) Accepted() ([]fingerprint.Sum, error) {
	var sums []fingerprint.Sum
	err := w.each(acceptedPrefix, func(path string, data []byte) error {
		var a acceptance
		if err := strictjson.Unmarshal(path, data, MaxFile, &a); err != nil {
			return exitcode.Mark(exitcode.Usage, err)
		}
		if a.Type != acceptedType || a.Version != 1 || filepath.Base(path) != acceptedPrefix+a.Fingerprint.String() {
			return exitcode.Errorf(exitcode.Usage, "%s: is no record of an accepted KEK, or was renamed", path)
		}
		sums = append(sums, a.Fingerprint)
		return nil
	})
	return sums, err
}

// Keys reads and verifies every key file of the world, in the order of their names.
func (w *World) Keys() ([]KeyFile, error) {
	var keys []KeyFile
	err := w.each("key_", func(path string, data []byte) error {
		k, err := w.parseKey(path, data)
		keys = append(keys, k)
		return err
	})
	return keys, err
}

// each reads the files in local whose names have the prefix and no extension:
// signatures, pending files and records put aside have one.
func (w *World) each(prefix string, visit func(path string, data []byte) error) error {
	entries, err := os.ReadDir(local(w.dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || strings.Contains(e.Name(), ".") {
			continue
		}
		path := filepath.Join(local(w.dir), e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := visit(path, data); err != nil {
			return err
		}
	}
	return nil
}
