package session

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/keywrap"
	"byok/internal/kmdata"
	"byok/internal/ordered"
	"byok/internal/statement"
)

// trusted are the trusted objects of a token: the world's own, which of its
// keys lack, and which objects it did not make.
type trusted struct {
	own              []hsm.TrustedObject
	lacking, foreign []string
}

// Equipment is what a module of a world must have on its token.
type Equipment struct {
	Module string // its id
	Guard  statement.Guard
	Set    kmdata.Set
	Form   keywrap.Form
}

// EquipmentOf is that of a module under the card set in force.
func EquipmentOf(m *statement.Module, set kmdata.Set) Equipment {
	return Equipment{m.Module, m.Guard, set, m.Form}
}

func (s *Station) equipment() Equipment { return EquipmentOf(s.Module, s.Chain.Set()) }

// findTrusted compares the token's trusted objects with the world's: KM, KW in
// the two-step form, and the anchor. Where nothing rests on trust it looks for
// none.
func findTrusted(token *hsm.Session, e Equipment) (t trusted, err error) {
	if e.Guard.Traits().Trusted == statement.TrustedByNobody {
		return t, nil
	}
	objects, err := token.Trusted()
	if err != nil {
		return t, err
	}
	km, err := kmHash(e.Set)
	if err != nil {
		return t, err
	}
	expected := e.trustedKeys()
	for _, o := range objects {
		if !isOurs(o, expected, km) {
			t.foreign = append(t.foreign, DescribeItem(o.Item))
			continue
		}
		delete(expected, o.Label)
		t.own = append(t.own, o)
	}
	slices.Sort(t.foreign) // the token's order is its own affair
	t.lacking = slices.Sorted(maps.Keys(expected))
	return t, nil
}

// checkForeign refuses objects that this world did not make: one could wrap
// every key.
func (t trusted) checkForeign(token hsm.Token) error {
	if len(t.foreign) == 0 {
		return nil
	}
	return exitcode.Errorf(exitcode.Check, "%v holds trusted objects that this world did not make: %s",
		token, strings.Join(t.foreign, "; ")).
		Hint("stop: each could wrap any key of this world; byok-offline world check shows more")
}

// CheckTrusted holds the token's trusted objects to those of a module: exactly
// KM, KW in the two-step form, and anchors. One more could wrap every key.
func CheckTrusted(token *hsm.Session, e Equipment) error {
	t, err := findTrusted(token, e)
	if err != nil {
		return err
	}
	if err := t.checkForeign(token.Token); err != nil {
		return err
	}
	if len(t.lacking) > 0 && e.Guard.Traits().Trusted == statement.TrustedByTool {
		return notTrusted(token.Token, t.lacking)
	}
	if len(t.lacking) > 0 {
		return exitcode.Errorf(exitcode.Check, "%v lacks %s", token.Token, Join(t.lacking)).
			Hint("byok-offline world replace-cards makes the trusted keys again; world check shows more")
	}
	return nil
}

func (s *Station) exactlyTrusted(token *hsm.Session) error {
	return CheckTrusted(token, s.equipment())
}

// proveTrusted proves, as user, that the token holds no foreign trusted object
// and that each of the world's own is frozen. One that lacks is left to the
// operation that needs it: a card replacement makes it again. A module that a
// replacement did not reach has nothing to be held to yet.
func (s *Quorum) proveTrusted() error {
	if s.Behind() {
		return nil
	}
	t, err := findTrusted(s.HSM, s.equipment())
	if err != nil {
		return err
	}
	if err := t.checkForeign(s.Token); err != nil {
		return err
	}
	if s.Module.Guard.Traits().Trusted == statement.TrustedByTool {
		return ProveByTool(s.HSM, s.equipment())
	}
	s.anchors = t.anchors()
	return t.prove(s.HSM)
}

// anchors lists the labels of the anchors; it is not nil.
func (t trusted) anchors() []string {
	labels := []string{}
	for _, o := range t.own {
		if kindOf(o) == hsm.Anchor {
			labels = append(labels, o.Label)
		}
	}
	return labels
}

// prove proves that each of the world's own is frozen: KM, then KW, whose controls serve the anchors.
func (t trusted) prove(token *hsm.Session) error {
	ordered.Sort(t.own, func(a, b hsm.TrustedObject) int { return cmp.Compare(kindOf(a), kindOf(b)) })
	for _, o := range t.own {
		if err := token.ProbeTrustedAgain(o.Object, kindOf(o)); err != nil {
			return err
		}
	}
	return nil
}

// kindOf is the kind of one of the world's own trusted objects.
func kindOf(o hsm.TrustedObject) hsm.TrustedKind {
	if _, anchored := ParseAnchor(o.Label); anchored {
		return hsm.Anchor
	}
	if o.Class == hsm.SecretKey {
		return hsm.KW
	}
	return hsm.KM
}

// ExactlyTrusted holds the token's trusted objects to the world's, as user.
func (s *Quorum) ExactlyTrusted() error { return s.exactlyTrusted(s.HSM) }

// ExactlyTrusted is [Quorum.ExactlyTrusted].
func (o *Operator) ExactlyTrusted() error { return o.exactlyTrusted(o.User.Session) }

// TrustedKeys are the classes of the module's trusted keys, by their labels.
func (s *Station) TrustedKeys() map[string]hsm.Class {
	return s.equipment().trustedKeys()
}

func (e Equipment) trustedKeys() map[string]hsm.Class {
	if e.Guard.Traits().Trusted == statement.TrustedByNobody {
		return nil
	}
	keys := map[string]hsm.Class{e.kmLabel(): hsm.PublicKey}
	if e.Form == keywrap.TwoSteps {
		keys[statement.KWLabel(e.Module, e.Set.Cards.Number)] = hsm.SecretKey
	}
	return keys
}

func (e Equipment) kmLabel() string { return statement.KMLabel(e.Module, e.Set.Cards.Number) }

// isOurs reports whether a trusted object is one of the module's: each label
// once, KM by its public key. An anchor carries KM's public key as well.
func isOurs(o hsm.TrustedObject, expected map[string]hsm.Class, km fingerprint.Sum) bool {
	if o.Class == hsm.PublicKey && o.SPKI != km {
		return false
	}
	if _, anchored := ParseAnchor(o.Label); anchored {
		return o.Class == hsm.PublicKey
	}
	class, expects := expected[o.Label]
	return expects && class == o.Class
}

func kmHash(set kmdata.Set) (fingerprint.Sum, error) {
	km, err := set.KM.ModuleKey()
	if err != nil {
		return fingerprint.Sum{}, err
	}
	return keykind.SPKIHash(km)
}

// Join joins names for a message, sorted.
func Join(names []string) string { return strings.Join(slices.Sorted(slices.Values(names)), ", ") }

// DescribeItem names an object of the token for people.
func DescribeItem(item hsm.Item) string {
	text := fmt.Sprintf("%v %q", item.Class, item.Label)
	if item.Trusted {
		return "trusted " + text
	}
	return text
}
