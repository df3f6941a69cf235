package session

import (
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/hsm"
	"byok/internal/keykind"
	"byok/internal/kmdata"
)

// exactlyTrusted holds the token's trusted objects to the world's: KM, KW in
// the two-step form, and the anchor. One more could wrap every key.
func (s *Station) exactlyTrusted(token *hsm.Session) error {
	objects, err := token.Trusted()
	if err != nil {
		return err
	}
	set := s.Chain.Set()
	km, err := kmHash(set)
	if err != nil {
		return err
	}
	expected := s.TrustedLabels()
	var foreign []string
	for _, o := range objects {
		if !s.isOurs(o, expected, km) {
			foreign = append(foreign, DescribeItem(o.Item))
			continue
		}
		delete(expected, o.Label)
	}
	switch {
	case len(foreign) > 0:
		return exitcode.Errorf(exitcode.Check, "%v holds trusted objects that this world did not make: %s",
			s.Token, strings.Join(foreign, "; ")).
			Hint("stop: each could wrap any key of this world; byok-offline world check shows more")
	case len(expected) > 0:
		return exitcode.Errorf(exitcode.Check, "%v lacks %s", s.Token, Join(keysOf(expected))).
			Hint("byok-offline world recover prepares the token from the cards")
	}
	return nil
}

// ExactlyTrusted holds the token's trusted objects to the world's, as user.
func (s *Quorum) ExactlyTrusted() error { return s.exactlyTrusted(s.HSM) }

// ExactlyTrusted holds the token's trusted objects to the world's.
func (o *Operator) ExactlyTrusted() error { return o.exactlyTrusted(o.User.Session) }

// TrustedLabels are the labels of the module's trusted keys.
func (s *Station) TrustedLabels() map[string]bool {
	set := s.Chain.Set().Cards.Number
	labels := map[string]bool{kmdata.KMLabel(s.Module.Module, set): true}
	if s.Module.Form == kmdata.FormTwoSteps {
		labels[kmdata.KWLabel(s.Module.Module, set)] = true
	}
	return labels
}

// isOurs reports whether a trusted object is one of the module's: each label
// once, KM by its public key. An anchor carries KM's public key as well.
func (s *Station) isOurs(o hsm.TrustedObject, expected map[string]bool, km fingerprint.Sum) bool {
	if o.Class == hsm.PublicKey && o.SPKI != km {
		return false
	}
	if _, anchored := ParseAnchor(o.Label); anchored && strings.HasPrefix(o.Label, anchorPrefix) {
		return o.Class == hsm.PublicKey
	}
	return expected[o.Label]
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

func keysOf(m map[string]bool) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

// ProveGuard tries, as user, everything that the guard rests on: no trusted
// key can be made, copied with other uses, or changed; a key is wrapped for
// the vault as the service unwraps it.
func ProveGuard(token *hsm.Session, id string, set kmdata.Set, form hsm.Form) ([]kmdata.Finding, error) {
	km, err := set.KM.ModuleKey()
	if err != nil {
		return nil, err
	}
	object, err := token.FindKM(kmdata.KMLabel(id, set.Cards.Number), km)
	if err != nil {
		return nil, err
	}
	trials := []struct {
		name string
		try  func() error
	}{
		{"the user makes no trusted key", token.ProbeTrust},
		{"KM is frozen", func() error { return token.ProbeTrusted(object, hsm.KM) }},
		{"KW is frozen", func() error { return proveKW(token, id, set, form) }},
		{"wrapping is what the vault unwraps", func() error { return token.ProbeOAEP(form) }},
	}
	var rows []kmdata.Finding
	for _, t := range trials {
		if err := t.try(); err != nil {
			return rows, fmt.Errorf("%s: %w", t.name, err)
		}
		rows = append(rows, kmdata.Finding{Name: t.name, Outcome: heldOutcome})
	}
	return rows, nil
}

// heldOutcome is the outcome of a trial whose restriction held.
const heldOutcome = "held"

func proveKW(token *hsm.Session, id string, set kmdata.Set, form hsm.Form) error {
	if form == hsm.OneCall {
		return nil
	}
	object, err := token.FindKW(kmdata.KWLabel(id, set.Cards.Number))
	if err != nil {
		return err
	}
	return token.ProbeTrusted(object, hsm.KW)
}
