package world

import (
	"cmp"
	"crypto/aes"
	"crypto/ecdsa"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/quorum"
	"byok/internal/secret"
	"byok/internal/transfer"
)

// Creation is everything that creating a world needs to know beforehand.
type Creation struct {
	CardOrder
	KMData    string
	Label     string // of the token
	Suite     string
	UserPIN   *secret.Bytes
	Rehearsal bool
	Token     TokenChoice
}

// TokenChoice says what to do with an initialised token of the creation's
// label; its zero value is to take a free token.
type TokenChoice struct {
	Adopt      bool // keep it, and seal its SO PIN under the world secret
	Initialize bool // destroy what is on it
	SOPIN      *secret.Bytes
}

// Wipe wipes the SO PIN.
func (t TokenChoice) Wipe() { t.SOPIN.Wipe() }

// creator carries a creation through its steps.
type creator struct {
	Creation
	dealer *dealer
	m      *hsm.Module
	path   string
	out    *pair
	token  hsm.Token // to be initialised, or adopted
	sealed string    // an adopted token's SO PIN
}

// Check refuses what can be refused before any passphrase is asked for.
func (c Creation) Check() error {
	if err := checkLabel(c.Label); err != nil {
		return err
	}
	if c.Suite != SuiteDefault && c.Suite != SuiteOld {
		return exitcode.Errorf(exitcode.Usage, "cipher suite %q: %s is expected (or %s, for an old runbook)", c.Suite, SuiteDefault, SuiteOld)
	}
	if exists(filepath.Join(local(c.KMData), "world")) && !exists(pendingPath(filepath.Join(local(c.KMData), "world"))) {
		return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s: there is a security world already, and it is never overwritten", filepath.Join(local(c.KMData), "world")),
			"name another folder with --kmdata, or byok-offline world info")
	}
	return c.CardOrder.Check(c.Rehearsal)
}

// Create makes a security world on a free token of m: cards first, each read
// back, then the token, then the world file. What cannot be undone comes after
// every output is open; an interrupted run is taken up by the next one.
func Create(m *hsm.Module, o Creation) (*World, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	c := &creator{Creation: o, m: m, path: filepath.Join(local(o.KMData), "world")}
	c.dealer = &dealer{CardOrder: o.CardOrder, path: c.path,
		issue:   func() (*quorum.Issue, error) { return quorum.New(o.Quorum, o.names()) },
		pending: func(p pendingCards) any { return pendingWorld{o.Label, o.Rehearsal, p} }}
	before, err := c.interrupted()
	if err != nil {
		return nil, err
	}
	if exists(c.path) {
		return c.finished()
	}
	if err := c.open(before); err != nil {
		return nil, err
	}
	defer c.out.set.Discard()
	defer func() { c.dealer.secret.Wipe() }()
	if err := c.dealer.deal(); err != nil {
		return nil, err
	}
	w, err := c.initialise()
	if err != nil {
		if exitcode.HintOf(err) == "" {
			err = exitcode.Hint(err, "run the same command again: it goes on with the cards already written")
		}
		return nil, err
	}
	return w, clearPending(c.path)
}

// finished ends a run that was interrupted after its last step.
func (c *creator) finished() (*World, error) {
	w, err := Open(c.KMData)
	if err != nil {
		return nil, err
	}
	c.Say("the interrupted run had made this world; nothing was left to do")
	return w, clearPending(c.path)
}

// open reserves the world file, makes the card folders ready and finds the
// token, without changing it.
func (c *creator) open(before *pendingCards) error {
	if err := os.MkdirAll(filepath.Dir(c.path), 0o700); err != nil {
		return err
	}
	var err error
	if c.out, err = reserve(c.path); err != nil {
		return err
	}
	if err = c.dealer.ready(before); err == nil {
		err = c.chooseToken()
	}
	if err == nil {
		err = c.token.CheckPIN(c.UserPIN)
	}
	if err != nil {
		c.out.set.Discard()
	}
	return err
}

// initialise makes the token and commits the world file.
func (c *creator) initialise() (*World, error) {
	pin, err := c.prepareToken()
	if err != nil {
		return nil, err
	}
	defer pin.Wipe()
	checkValue, err := c.moduleKey(pin)
	if err != nil {
		return nil, err
	}
	user, err := c.m.User(c.token, c.UserPIN)
	if err != nil {
		return nil, err
	}
	w, err := c.sign(user, checkValue)
	if errors.Is(err, hsm.ErrNotEnforced) {
		err = leaving(err, withdraw(user))
	}
	return w, cmp.Or(err, user.Close())
}

// withdraw takes the world's keys from a token that does not protect them.
func withdraw(user *hsm.User) error {
	_, err := user.DestroyLabelled(moduleKeyLabel)
	_, knsoErr := user.DestroyLabelled(signingKeyLabel)
	return cmp.Or(err, knsoErr)
}

func (c *creator) moduleKey(pin *secret.Bytes) (string, error) {
	km, err := c.dealer.secret.ModuleKey()
	if err != nil {
		return "", err
	}
	defer km.Wipe()
	so, err := c.m.SecurityOfficer(c.token, pin)
	if err != nil {
		return "", err
	}
	defer so.Close()
	if !c.keepsUserPIN() {
		if err := so.SetUserPIN(c.UserPIN); err != nil {
			return "", err
		}
	}
	return checkValue(km), so.CreateModuleKey(moduleKeyLabel, km)
}

// checkValue is CKA_CHECK_VALUE of an AES key: three bytes of the encrypted
// zero block, which tell two keys apart and reveal neither.
func checkValue(key *secret.Bytes) (text string) {
	secret.Erased(func() {
		block, err := aes.NewCipher(key.Reveal())
		if err != nil {
			return // unreachable: KM has 32 bytes
		}
		out := make([]byte, aes.BlockSize)
		block.Encrypt(out, out)
		text = hex.EncodeToString(out[:3])
	})
	return text
}

// sign generates KNSO, probes what the token promises, and writes the world file.
func (c *creator) sign(user *hsm.User, kcv string) (*World, error) {
	if err := probeWorld(user, moduleKeyLabel); err != nil {
		return nil, err
	}
	c.Say("module key: every restriction read back, and none could be undone")
	// An adopted token may hold what an interrupted run left; a fresh one holds nothing.
	if _, err := user.DestroyLabelled(signingKeyLabel); err != nil {
		return nil, err
	}
	if err := user.GenerateSigningKey(signingKeyLabel); err != nil {
		return nil, err
	}
	knso, err := user.FindKey(signingKeyLabel)
	if err != nil {
		return nil, err
	}
	if err := user.ProbeKey(knso); err != nil {
		return nil, err
	}
	w, err := c.describe(user, knso, kcv)
	if err != nil {
		return nil, err
	}
	op := &Operator{world: w, user: user, knso: knso}
	if err := c.out.commit(w.File, op, w.knso); err != nil {
		return nil, err
	}
	return Open(c.KMData)
}

func probeWorld(user *hsm.User, moduleKey string) error {
	if err := user.ProbeTrust(); err != nil {
		return err
	}
	if err := user.ProbeModuleKey(moduleKey); err != nil {
		return err
	}
	return user.ProbeOAEP()
}

func (c *creator) describe(user *hsm.User, knso hsm.Key, kcv string) (*World, error) {
	blob, err := user.Backup(moduleKeyLabel, knso)
	if err != nil {
		return nil, err
	}
	pem, err := transfer.MarshalPublicKey(knso.Public)
	if err != nil {
		return nil, err
	}
	hash, err := transfer.SPKIHash(knso.Public)
	if err != nil {
		return nil, err
	}
	public, ok := knso.Public.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the world signing key is no EC key")
	}
	return &World{dir: c.KMData, knso: public, File: File{
		Type: fileType, Version: 1, Rehearsal: c.Rehearsal, Label: c.Label, Suite: c.Suite, Cards: c.dealer.set, CheckValue: kcv, SOPIN: c.sealed,
		Module: moduleOf(c.m, user.Token),
		KNSO:   SigningKey{PublicKey: pem, Blob: encodeBlob(blob)}, HKNSO: fingerprint.Sum(hash), Created: now(),
	}}, nil
}
