package keys

import (
	"cmp"
	"encoding/base64"
	"errors"

	"github.com/miekg/pkcs11"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/hsm/p11"
	"byok/internal/journal"
	"byok/internal/kmdata"
	"byok/internal/session"
	"byok/internal/statement"
)

// Generation asks for a new key of the world.
type Generation struct {
	Ident     string
	PlainName string // "" is the ident
	Spec      hsm.Spec
	Replaces  string // ident of the key that the new one follows; "" for none
}

func (g Generation) plainName() string { return cmp.Or(g.PlainName, g.Ident) }

// Check refuses what needs neither person nor token to be refused.
func (g Generation) Check(chain *kmdata.Chain) error {
	if err := statement.CheckIdent(g.Ident); err != nil {
		return err
	}
	if err := statement.CheckPlainName(g.plainName()); err != nil {
		return exitcode.Mark(exitcode.Usage, err)
	}
	_, err := chain.Key(g.Ident)
	interrupted, noteErr := pending[note](chain, generateVerb, g.Ident)
	switch {
	case noteErr != nil:
		return noteErr
	case err == nil && interrupted:
		return nil // the next run has nothing left to do but to say so
	case err == nil:
		return exitcode.Errorf(exitcode.Refused, "%s: there is a key of that name already", chain.KeyPath(g.Ident)).
			Hint("choose another --ident, or byok-offline key list")
	case exitcode.Of(err) != exitcode.Usage:
		return err
	}
	return g.checkReplaced(chain)
}

// Made reports whether the key that is asked for is there, of that kind and with
// that predecessor: a list is gone through again after it was cut short.
func (g Generation) Made(chain *kmdata.Chain) (bool, error) {
	k, err := chain.Key(g.Ident)
	if exitcode.Of(err) == exitcode.Usage {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	interrupted, err := pending[note](chain, generateVerb, g.Ident)
	if err != nil || interrupted {
		return false, err
	}
	kind, err := k.Kind()
	if err != nil {
		return false, err
	}
	replaced := ""
	if r := chain.Replaces(k); r != nil {
		replaced = r.Ident
	}
	var refused exitcode.Error
	switch {
	case kind != g.Spec.Kind:
		refused = exitcode.Errorf(exitcode.Refused, "%s is there already, and is %v, not the %v that is asked for",
			k.Name(), kind, g.Spec.Kind)
	case replaced != g.Replaces:
		refused = exitcode.Errorf(exitcode.Refused, "%s is there already, and replaces %s, not %s as is asked for",
			k.Name(), cmp.Or(replaced, "no key"), cmp.Or(g.Replaces, "no key"))
	default:
		return true, nil
	}
	return false, refused.Hint("choose another --ident, or byok-offline key list")
}

// Generate makes a key before the quorum: as a session object, backed up under
// KM, the backup restored to a second session object that proves possession,
// and the origin statement signed; only then is the key copied to the token. A
// crash before that leaves nothing.
func (s Quorum) Generate(g Generation) (*kmdata.Key, error) {
	if err := s.Current(); err != nil {
		return nil, err
	}
	if err := s.End(s.make(g)); err != nil {
		return nil, err
	}
	return s.Chain.Key(g.Ident)
}

func (s Quorum) make(g Generation) error {
	label := kmdata.KeyName(kmdata.Simple, g.Ident)
	_, err := journal.Run(journal.Of(s.Chain.Dir()), journal.Operation[note]{
		Name:  operationName(generateVerb, g.Ident),
		Done:  func(note) (bool, error) { return s.generated(g) },
		Keep:  func(note) bool { return s.persisted(g.Ident) },
		Undo:  func(note) error { return s.AsUser(func() error { return s.discardHalf(g.Ident) }) },
		Check: func() error { return s.AsUser(func() error { return s.absent(label) }) },
		Do:    func(*note, func() error) error { return s.AsUser(func() error { return s.generate(g) }) },
	}, note{label})
	return err
}

// generated reports whether an interrupted run had come to its end, or comes to
// it: a key that proves what its origin statement says is backed up again, and
// never destroyed.
func (s Quorum) generated(g Generation) (bool, error) {
	if done, err := g.recordedKey(s.Chain, s.HSM); err != nil || done {
		return done, err
	}
	o, found := s.Chain.OriginOn(g.Ident, s.Module.Module)
	if !found || o.Identity.String() != g.Spec.Kind.String() || !s.persisted(g.Ident) {
		return false, nil
	}
	return true, s.AsUser(func() error {
		key, err := s.HSM.FindKey(kmdata.KeyName(kmdata.Simple, g.Ident))
		if err != nil {
			return err
		}
		k, backup, err := s.backUp(g, key)
		if err != nil {
			return err
		}
		k.Replaces = o.Replaces
		err = s.signOrigin(k, statement.Origin{
			Origin: o.Origin, Restored: o.Restored, Replaces: o.Replaces,
			Backup: fingerprint.Of(backup), Attributes: k.Permissions,
		})
		if err != nil {
			return err
		}
		return s.Chain.WriteKey(k, s.KML())
	})
}

// persisted reports whether the token holds the key that the newest origin
// statement of ident for this module describes.
func (s Quorum) persisted(ident string) bool {
	o, found := s.Chain.OriginOn(ident, s.Module.Module)
	return found && s.holds(kmdata.KeyName(kmdata.Simple, ident), o.Identity)
}

// discardHalf destroys what an interrupted copy to the token left. That comes
// after the origin statement; without one nothing on the token is this run's.
func (s Quorum) discardHalf(ident string) error {
	if _, found := s.Chain.OriginOn(ident, s.Module.Module); !found {
		return nil
	}
	return s.destroy(kmdata.KeyName(kmdata.Simple, ident))
}

// recordedKey reports whether the key file of a generation is there. One of a key
// of another kind is refused, whatever an unsigned note says.
func (g Generation) recordedKey(chain *kmdata.Chain, token *hsm.Session) (bool, error) {
	k, err := chain.Key(g.Ident)
	if exitcode.Of(err) == exitcode.Usage {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	kind, err := k.Kind()
	if err == nil && kind != g.Spec.Kind {
		err = heldAlready(token, k.Name())
	}
	return err == nil, err
}

func (s Quorum) generate(g Generation) error {
	if err := s.exactlyTrusted(); err != nil {
		return err
	}
	replaced, err := s.replaced(g)
	if err != nil {
		return err
	}
	key, err := s.fresh(g)
	if err != nil {
		return g.lacksCurve(err)
	}
	if err := s.probe(key); err != nil {
		return err
	}
	return s.adopt(g, key, replaced)
}

// curveNotSupported is CKR_CURVE_NOT_SUPPORTED (PKCS#11 v2.40), which the binding
// does not name.
const curveNotSupported = 0x140

// lacksCurve says what to do where a module does not have the curve: NSS softoken
// has no P-256K.
func (g Generation) lacksCurve(err error) error {
	if !p11.Is(err, pkcs11.CKR_DOMAIN_PARAMS_INVALID, curveNotSupported) {
		return err
	}
	return exitcode.Hint(err, "the module does not have %v: name another curve with --curve", g.Spec.Kind)
}

// adopt backs a new session key up, signs its origin, and keeps it.
func (s Quorum) adopt(g Generation, key hsm.Key, replaced *statement.Replaced) error {
	k, backup, err := s.backUp(g, key)
	if err != nil {
		return err
	}
	if err := s.exactlyTrusted(); err != nil {
		return err
	}
	k.Replaces = replaced
	err = s.signOrigin(k, statement.Origin{
		Origin: statement.OriginQuorum, Replaces: replaced, Backup: fingerprint.Of(backup), Attributes: k.Permissions,
	})
	if err != nil {
		return err
	}
	kept, err := s.Keep(key, k.Identity, backup, k.Name())
	if err != nil {
		return err
	}
	if k.Permissions, err = s.HSM.Permissions(kept); err != nil {
		return err
	}
	return s.Chain.WriteKey(k, s.KML())
}

// backUp describes a key, wraps its backup, and proves that it opens.
func (s Quorum) backUp(g Generation, key hsm.Key) (*kmdata.Key, []byte, error) {
	backup, err := s.Backup(key)
	if err != nil {
		return nil, nil, err
	}
	k, err := newFile(s.Station, s.HSM, g, key, backup)
	if err != nil {
		return nil, nil, err
	}
	k.Origin = statement.OriginQuorum
	if err := s.ProveBackup(k.Identity, backup); err != nil {
		return nil, nil, err
	}
	s.UI().Say("%s: its backup was restored to the session and proved possession of the key", k.Name())
	return k, backup, nil
}

// signOrigin signs the origin statement of a key on this module.
func (s Quorum) signOrigin(k *kmdata.Key, o statement.Origin) error {
	o.Ident, o.Identity, o.Module = k.Ident, k.Identity, s.Module.Module
	_, err := s.Sign(&o)
	return err
}

// newFile describes a new key, as the token shows it. Its origin is unproved.
func newFile(on *session.Station, token *hsm.Session, g Generation, key hsm.Key, backup []byte) (*kmdata.Key, error) {
	identity, err := session.IdentityOf(token, key)
	if err != nil {
		return nil, err
	}
	permissions, err := token.Permissions(key)
	return &kmdata.Key{
		Signed:      on.Chain.NewSigned(kmdata.TypeKey, on.Module.Module),
		App:         kmdata.Simple,
		Ident:       g.Ident,
		PlainName:   g.plainName(),
		Identity:    identity,
		Permissions: permissions,
		Origin:      statement.OriginUnproved,
		Backup:      base64.StdEncoding.EncodeToString(backup),
		CardSet:     on.Chain.Set().Cards.Number,
	}, err
}

// destroy removes every object with a label, as user.
func (s Quorum) destroy(label string) error {
	_, err := s.HSM.DestroyLabelled(label)
	return err
}

// absent refuses a token that holds an object with the label.
func absent(token *hsm.Session, label string) error {
	_, err := token.FindKey(label)
	if errors.Is(err, hsm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return heldAlready(token, label)
}

func heldAlready(token *hsm.Session, label string) error {
	return exitcode.Errorf(exitcode.Refused, "%v holds a key labelled %s already", token.Token, label).
		Hint("byok-offline world check says whether this world made it")
}
