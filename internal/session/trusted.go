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
	"byok/internal/statement"
)

// trusted are the trusted objects of a token: the world's own, which of its
// keys lack, and which objects it did not make.
type trusted struct {
	own              []hsm.TrustedObject
	lacking, foreign []string
}

// findTrusted compares the token's trusted objects with the world's: KM, KW in
// the two-step form, and the anchor.
func findTrusted(token *hsm.Session, id string, set kmdata.Set, form keywrap.Form) (t trusted, err error) {
	objects, err := token.Trusted()
	if err != nil {
		return t, err
	}
	km, err := kmHash(set)
	if err != nil {
		return t, err
	}
	expected := trustedKeys(id, set, form)
	for _, o := range objects {
		if !isOurs(o, expected, km) {
			t.foreign = append(t.foreign, DescribeItem(o.Item))
			continue
		}
		delete(expected, o.Label)
		t.own = append(t.own, o)
	}
	t.lacking = slices.Sorted(maps.Keys(expected))
	slices.Sort(t.foreign) // the token's order is its own affair
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

// CheckTrusted holds the token's trusted objects to those of a module with the
// id: exactly KM, KW in the two-step form, and anchors. One more could wrap
// every key.
func CheckTrusted(token *hsm.Session, id string, set kmdata.Set, form keywrap.Form) error {
	t, err := findTrusted(token, id, set, form)
	if err != nil {
		return err
	}
	if err := t.checkForeign(token.Token); err != nil {
		return err
	}
	if len(t.lacking) > 0 {
		return exitcode.Errorf(exitcode.Check, "%v lacks %s", token.Token, Join(t.lacking)).
			Hint("byok-offline world replace-cards makes the trusted keys again; world check shows more")
	}
	return nil
}

func (s *Station) exactlyTrusted(token *hsm.Session) error {
	return CheckTrusted(token, s.Module.Module, s.Chain.Set(), s.Module.Form)
}

// proveTrusted proves, as user, that the token holds no foreign trusted object
// and that each of the world's own is frozen. One that lacks is left to the
// operation that needs it: a card replacement makes it again. A module that a
// replacement did not reach has nothing to be held to yet.
func (s *Quorum) proveTrusted() error {
	if s.Behind() {
		return nil
	}
	id, set, form := s.Module.Module, s.Chain.Set(), s.Module.Form
	t, err := findTrusted(s.HSM, id, set, form)
	if err != nil {
		return err
	}
	if err := t.checkForeign(s.Token); err != nil {
		return err
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

// prove proves of each of the world's own, by its handle, that it is frozen: KM,
// then KW, whose controls serve the anchors as well.
func (t trusted) prove(token *hsm.Session) error {
	slices.SortStableFunc(t.own, func(a, b hsm.TrustedObject) int { return cmp.Compare(kindOf(a), kindOf(b)) })
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

// ExactlyTrusted holds the token's trusted objects to the world's.
func (o *Operator) ExactlyTrusted() error { return o.exactlyTrusted(o.User.Session) }

// TrustedKeys are the classes of the module's trusted keys, by their labels.
func (s *Station) TrustedKeys() map[string]hsm.Class {
	return trustedKeys(s.Module.Module, s.Chain.Set(), s.Module.Form)
}

func trustedKeys(id string, set kmdata.Set, form keywrap.Form) map[string]hsm.Class {
	keys := map[string]hsm.Class{statement.KMLabel(id, set.Cards.Number): hsm.PublicKey}
	if form == keywrap.TwoSteps {
		keys[statement.KWLabel(id, set.Cards.Number)] = hsm.SecretKey
	}
	return keys
}

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

// ProveGuard tries, as user, everything that the guard rests on: no trusted
// key can be made, copied with other uses, or changed; a key is wrapped for
// the vault as the service unwraps it.
func ProveGuard(token *hsm.Session, id string, set kmdata.Set, form keywrap.Form) ([]statement.Finding, error) {
	trials := []struct {
		name string
		try  func() error
	}{
		{"the user makes no trusted key", token.ProbeTrust},
		{"KM is frozen", func() error { return proveKM(token, id, set) }},
		{"KW is frozen", func() error { return proveKW(token, id, set, form) }},
		{"anchors are frozen", token.ProbeAnchors},
		{"wrapping is what the vault unwraps", func() error { return token.ProbeOAEP(form) }},
	}
	var rows []statement.Finding
	for _, t := range trials {
		if err := t.try(); err != nil {
			return rows, fmt.Errorf("%s: %w", t.name, err)
		}
		rows = append(rows, statement.Finding{Name: t.name, Outcome: heldOutcome})
	}
	return rows, nil
}

// heldOutcome is the outcome of a trial whose restriction held.
const heldOutcome = "held"

func proveKM(token *hsm.Session, id string, set kmdata.Set) error {
	km, err := set.KM.ModuleKey()
	if err != nil {
		return err
	}
	object, err := token.FindKM(statement.KMLabel(id, set.Cards.Number), km)
	if err != nil {
		return err
	}
	return token.ProbeTrusted(object, hsm.KM)
}

func proveKW(token *hsm.Session, id string, set kmdata.Set, form keywrap.Form) error {
	if form == keywrap.OneCall {
		return nil
	}
	object, err := token.FindKW(statement.KWLabel(id, set.Cards.Number))
	if err != nil {
		return err
	}
	return token.ProbeTrusted(object, hsm.KW)
}
