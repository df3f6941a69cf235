package world

import (
	"errors"
	"slices"

	"byok/internal/exitcode"
	"byok/internal/hsm"
)

// KeyRequest says what key to generate.
type KeyRequest struct {
	Ident     string
	PlainName string
	Spec      hsm.KeySpec
}

// Check refuses a request before the token is asked for anything.
func (r KeyRequest) Check() error {
	if err := CheckIdent(r.Ident); err != nil {
		return err
	}
	return CheckSpec(r.Spec)
}

// CheckSpec refuses a key that the vault would not take: RSA 2048, 3072 or
// 4096, EC on P-256, P-384, P-521 or P-256K, AES 128, 192 or 256.
func CheckSpec(s hsm.KeySpec) error {
	switch s.Type {
	case "RSA":
		if !slices.Contains([]int{2048, 3072, 4096}, s.Bits) {
			return exitcode.Errorf(exitcode.Usage, "RSA key of %d bits: 2048, 3072 or 4096 is expected", s.Bits)
		}
		if e := s.Exponent; e != 0 && (e < 3 || e%2 == 0) {
			return exitcode.Errorf(exitcode.Usage, "RSA public exponent %d: an odd number from 3 on is expected", e)
		}
	case "EC":
		if !slices.Contains([]string{"P-256", "P-384", "P-521", "P-256K"}, s.Curve) {
			return exitcode.Errorf(exitcode.Usage, "EC curve %q: P-256, P-384, P-521 or P-256K is expected", s.Curve)
		}
	case "AES":
		if !slices.Contains([]int{128, 192, 256}, s.Bits) {
			return exitcode.Errorf(exitcode.Usage, "AES key of %d bits: 128, 192 or 256 is expected", s.Bits)
		}
	default:
		return exitcode.Errorf(exitcode.Usage, "key type %q: RSA, EC or AES is expected", s.Type)
	}
	return nil
}

// pendingKey is the pending file of a key that is being generated.
type pendingKey struct {
	Label string `json:"label"`
}

// GenerateKey generates a key on the token, backs it up under the module key
// and writes its key file. It refuses an identifier that is in use. On an
// error nothing is left on the token; what a killed run left, the next removes.
func (op *Operator) GenerateKey(r KeyRequest) (KeyFile, error) {
	if err := r.Check(); err != nil {
		return KeyFile{}, err
	}
	path := op.world.path(Simple, r.Ident)
	var before pendingKey
	interrupted, err := pending(path, &before)
	if err != nil {
		return KeyFile{}, err
	}
	if interrupted && exists(path) {
		return op.generated(r, path)
	}
	out, err := reserve(path)
	if err != nil {
		return KeyFile{}, exitcode.Hint(err, "choose another --ident, or byok-offline key show --ident %s", r.Ident)
	}
	defer out.set.Discard()
	if err := op.clearLabel(path, keyName(Simple, r.Ident), interrupted); err != nil {
		return KeyFile{}, err
	}
	k, err := op.generate(r, out)
	if err != nil {
		_, cleanErr := op.user.DestroyLabelled(keyName(Simple, r.Ident))
		if cleanErr == nil { // otherwise the next run cleans up
			cleanErr = clearPending(path)
		}
		return KeyFile{}, leaving(err, cleanErr)
	}
	return k, clearPending(path)
}

// generated ends a run that was interrupted after its last step, if it was
// asked for the same key.
func (op *Operator) generated(r KeyRequest, path string) (KeyFile, error) {
	k, err := op.world.Key(Simple, r.Ident)
	if err == nil {
		err = clearPending(path)
	}
	if err == nil && (k.KeyType != r.Spec.Type || k.Curve != r.Spec.Curve || k.Curve == "" && k.Bits != r.Spec.Bits) {
		err = exitcode.Hint(exitcode.Errorf(exitcode.Refused, "%s exists already and is never overwritten", path),
			"choose another --ident, or byok-offline key show --ident %s", r.Ident)
	}
	return k, err
}

// clearLabel makes the label free: what an interrupted run left is destroyed,
// anything else is not ours to touch.
func (op *Operator) clearLabel(path, label string, interrupted bool) error {
	if interrupted {
		_, err := op.user.DestroyLabelled(label)
		return err
	}
	_, err := op.user.FindKey(label)
	switch {
	case errors.Is(err, hsm.ErrNotFound):
		return setPending(path, pendingKey{Label: label})
	case err != nil:
		return err
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "a key labelled %s is on %v already, but %s has no file for it", label, op.user.Token, op.world.dir),
		"choose another --ident, or bring its key file back from your backup of kmdata")
}

func (op *Operator) generate(r KeyRequest, out *pair) (KeyFile, error) {
	label := keyName(Simple, r.Ident)
	if err := op.user.GenerateKey(label, r.Spec); err != nil {
		return KeyFile{}, err
	}
	key, err := op.user.FindKey(label)
	if err != nil {
		return KeyFile{}, err
	}
	if err := op.user.ProbeKey(key); err != nil {
		return KeyFile{}, err
	}
	k, err := op.newKeyFile(Simple, r.Ident, key)
	if err != nil {
		return KeyFile{}, err
	}
	blob, err := op.user.Backup(moduleKey(op.world.state.Cards), key)
	if err != nil {
		return KeyFile{}, err
	}
	k.PlainName, k.Blob, k.CardSet = r.PlainName, encodeBlob(blob), op.world.state.Cards.Number
	return k, out.commit(k, op, op.world.knso)
}
