package world

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/quorum"
	"byok/internal/strictjson"
)

const cardsType = "byok-cards"

// maxCards is the most bytes a card state may have. It holds a backup of every
// key, some 3.5 KiB for RSA-4096: room for more than four thousand of those.
const maxCards = 16 << 20

// CardState is all that depends on the administrator card set in force. The
// world file holds the first set's; each replacement writes the next one's,
// local/cards_<number>, signed by KNSO. The highest number is in force, so a
// replacement comes into force with the name of one file.
type CardState struct {
	Type       string            `json:"type"`
	Version    int               `json:"version"`
	Rehearsal  bool              `json:"rehearsal"`
	HKNSO      fingerprint.Sum   `json:"hknso"`
	Cards      quorum.CardSet    `json:"cards"`
	CheckValue string            `json:"km_check_value"`
	KNSOBlob   string            `json:"knso_blob"`         // KNSO wrapped under this set's KM
	SOPIN      string            `json:"so_pin,omitempty"`  // of an adopted token, sealed under the world secret
	Blobs      map[string]string `json:"km_blobs,omitzero"` // key file name: the key wrapped under this set's KM
	Created    time.Time         `json:"created"`
}

// firstState is the card state that the world file itself describes.
func (w *World) firstState() CardState {
	return CardState{Type: cardsType, Version: 1, Rehearsal: w.Rehearsal, HKNSO: w.HKNSO, Cards: w.File.Cards,
		CheckValue: w.CheckValue, KNSOBlob: w.KNSO.Blob, SOPIN: w.SOPIN, Created: w.Created}
}

// CardSet is the administrator card set in force.
func (w *World) CardSet() quorum.CardSet { return w.state.Cards }

func cardsPath(kmdata string, number int) string {
	return filepath.Join(local(kmdata), fmt.Sprintf("cards_%d", number))
}

// loadState takes the world file's card set, then each replacement in turn.
func (w *World) loadState() error {
	w.state = w.firstState()
	for {
		path := cardsPath(w.dir, w.state.Cards.Number+1)
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := w.nextState(path, data); err != nil {
			return err
		}
	}
}

func (w *World) nextState(path string, data []byte) error {
	var next CardState
	if err := strictjson.Unmarshal(path, data, maxCards, &next); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	if next.Type != cardsType || next.Version != 1 {
		return exitcode.Errorf(exitcode.Usage, "%s: is %q version %d, %q version 1 is expected", path, next.Type, next.Version, cardsType)
	}
	if err := verifyFile(w.knso, path, data); err != nil {
		return err
	}
	if next.HKNSO != w.HKNSO || next.Cards.World != w.File.Cards.World || next.Cards.Number != w.state.Cards.Number+1 || next.Rehearsal != w.Rehearsal {
		return exitcode.Errorf(exitcode.Check, "%s: belongs to another security world or card set", path)
	}
	if err := next.Cards.Check(); err != nil {
		return exitcode.Mark(exitcode.Check, err)
	}
	w.state = next
	return nil
}

// moduleKey is the label of the module key of a card set.
func moduleKey(set quorum.CardSet) string {
	if set.Number == 1 {
		return moduleKeyLabel
	}
	return fmt.Sprintf("%s-%d", moduleKeyLabel, set.Number)
}

// backupOf is the key's backup under the module key in force.
func (w *World) backupOf(k KeyFile) ([]byte, error) {
	if k.CardSet == w.state.Cards.Number {
		return decodeBackup(k, k.Blob)
	}
	if blob, ok := w.state.Blobs[k.Name()]; ok {
		return decodeBackup(k, blob)
	}
	return nil, exitcode.Errorf(exitcode.Check, "%s has no backup under the cards in force (set %d)", k.Name(), w.state.Cards.Number)
}

func decodeBackup(k KeyFile, text string) ([]byte, error) {
	blob, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: field km_blob is no base64", k.Name())
	}
	return blob, nil
}
