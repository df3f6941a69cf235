package world

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/strictjson"
)

// CheckLine is one line of a world check.
type CheckLine struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// checker collects lines.
type checker struct{ lines []CheckLine }

// note adds a line; the detail is what is good, or the error.
func (c *checker) note(what, good string, err error) {
	if err != nil {
		good = err.Error()
	}
	c.lines = append(c.lines, CheckLine{what, err == nil, good})
}

// CheckCards checks each card on its own against the commitments in force.
func (w *World) CheckCards(cards []CardReader) []CheckLine {
	var c checker
	reader, err := quorum.NewReader(w.state.Cards)
	if err != nil {
		c.note("card set", "", err)
		return c.lines
	}
	defer reader.Wipe()
	for _, one := range cards {
		card, err := one.read()
		name := card.String()
		if err == nil {
			err = reader.Add(one.Dir, card)
		} else {
			name = "card in " + one.Dir
		}
		c.note(name, "share fits the commitments", err)
	}
	return c.lines
}

// Check compares the token and kmdata with what was recorded at creation: the
// module key, the signing key, every key file and every key on the token.
func (op *Operator) Check() ([]CheckLine, error) {
	var c checker
	w := op.world
	c.note("world file", "signed by KNSO; hknso "+w.HKNSO.String(), nil)
	c.note("module", fmt.Sprintf("%v holds KNSO", op.user.Token), nil)
	c.note("KM", "attributes as created, none can be undone", op.user.ProbeModuleKey(moduleKey(w.state.Cards)))
	c.note("KM", "wraps KNSO to the recorded backup: it is the key of the cards", op.checkModuleKey())
	c.note("KNSO", "attributes as created, none can be undone", op.user.ProbeKey(op.knso))
	if err := op.checkKeys(&c); err != nil {
		return c.lines, err
	}
	c.note("other objects", "none that this world has not recorded", op.checkStrangers())
	c.note("trusted keys", "none but the module key, and what belongs to a transfer under way", op.checkTrusted())
	return c.lines, nil
}

func (op *Operator) checkModuleKey() error {
	state := op.world.state
	blob, err := base64.StdEncoding.DecodeString(state.KNSOBlob)
	if err != nil {
		return err
	}
	same, err := op.user.Backed(moduleKey(state.Cards), op.knso, blob)
	if err == nil && !same {
		err = exitcode.Errorf(exitcode.Check, "the module key on the token is not the one that the world records")
	}
	return err
}

// checkKeys goes on after a bad key file: every line is wanted.
func (op *Operator) checkKeys(c *checker) error {
	w := op.world
	entries, err := os.ReadDir(local(w.dir))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "key_") || strings.Contains(e.Name(), ".") {
			continue
		}
		path := filepath.Join(local(w.dir), e.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		k, err := w.parseKey(path, data)
		detail := "on the token, permissions as recorded, none can be widened"
		if err == nil {
			detail, err = op.checkKey(k, detail)
		}
		c.note(e.Name(), detail, err)
	}
	return nil
}

// checkKey finds the key of a file on the token as it was recorded.
func (op *Operator) checkKey(k KeyFile, good string) (string, error) {
	w := op.world
	key, err := op.find(k)
	if errors.Is(err, hsm.ErrNotFound) {
		switch {
		case w.retired(k):
			return "retired, and no longer on the token", nil
		case k.App == Transfer:
			return "packaged, and no longer on the token", nil
		}
		return "", exitcode.Errorf(exitcode.Check, "is not on the token; byok-offline key restore --ident %s --card DIR … brings it back", k.Ident)
	}
	if err != nil {
		return "", err
	}
	recorded, restored, err := w.permissionsOn(k, op.user.Token.Serial)
	if err != nil {
		return "", err
	}
	live, err := op.user.Permissions(key)
	if err != nil {
		return "", err
	}
	if !slices.Equal(live, recorded) {
		return "", exitcode.Errorf(exitcode.Check, "has the permissions %s, recorded are %s", strings.Join(live, " "), strings.Join(recorded, " "))
	}
	if restored {
		good = "restored from its backup: the token does not vouch for its origin (LOCAL is false)"
	}
	if err := op.matchesBackup(k.Ident, key); err != nil {
		return "", err
	}
	if k.App == Transfer {
		return good, op.user.ProbeCopy(key)
	}
	return good, op.user.ProbeKey(key)
}

// permissionsOn is what a key was recorded to be allowed on a module: since
// its generation, or since it was restored there.
func (w *World) permissionsOn(k KeyFile, serial string) (permissions []string, restored bool, err error) {
	path := w.restoredPath(k, serial)
	if k.App != Simple || !exists(path) {
		return k.Permissions, false, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	if err := verifyFile(w.knso, path, data); err != nil {
		return nil, false, err
	}
	var r KeyFile
	if err := strictjson.Unmarshal(path, data, MaxFile, &r); err != nil {
		return nil, false, exitcode.Mark(exitcode.Usage, err)
	}
	if r.Type != restoredType || r.Name() != k.Name() || r.PublicKey != k.PublicKey || r.CheckValue != k.CheckValue || r.Serial != serial || r.HKNSO != k.HKNSO {
		return nil, false, exitcode.Errorf(exitcode.Check, "%s: is of another key or module: the file was renamed", path)
	}
	return r.Permissions, true, nil
}

// checkTrusted wants the trusted keys on the token to be the module key and,
// once each, the KEK and transfer key of a copy that is there: whatever label
// it has, any other could wrap the world's keys.
func (op *Operator) checkTrusted() error {
	trusted, err := op.user.Trusted()
	if err != nil {
		return err
	}
	expected := []string{moduleKey(op.world.state.Cards)}
	keys, err := op.world.Keys()
	if err != nil {
		return nil // told by its own line
	}
	for _, k := range keys {
		if k.App != Transfer {
			continue
		}
		if _, err := op.user.FindKey(k.Name()); err == nil {
			expected = append(expected, kekLabel(k.Ident), transferLabel(k.Ident))
		}
	}
	for _, label := range trusted {
		i := slices.Index(expected, label)
		if i < 0 {
			return exitcode.Errorf(exitcode.Check, "%q on %v is a trusted key that this world did not make", label, op.user.Token)
		}
		expected = slices.Delete(expected, i, i+1)
	}
	return nil
}

// checkStrangers refuses objects that no file of this world accounts for: a
// trusted key that a stranger left could wrap the world's keys.
func (op *Operator) checkStrangers() error {
	labels, err := op.user.Labels()
	if err != nil {
		return err
	}
	known := []string{signingKeyLabel, moduleKey(op.world.state.Cards)}
	keys, err := op.world.Keys()
	if err != nil {
		return nil // told by its own line
	}
	for _, k := range keys {
		known = append(known, k.Name())
		if k.App == Transfer {
			known = append(known, kekLabel(k.Ident), transferLabel(k.Ident))
		}
	}
	for _, label := range labels {
		if !slices.Contains(known, label) {
			return exitcode.Errorf(exitcode.Check, "%q on %v is in no file of this world", label, op.user.Token)
		}
	}
	return nil
}
