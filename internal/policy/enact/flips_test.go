package enact

import (
	"slices"
	"testing"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
	"byok/internal/policy"
	"byok/internal/policy/findings"
	"byok/internal/policy/token"
	"byok/internal/testkit/softhsm"
)

// TestFlips makes the ceremony's objects on SoftHSM with each attribute of the
// table flipped, or left out. Where the model says that it matters, its way is
// carried out and the key is really had. Where it says that the ceremony stops,
// SoftHSM refuses that step. And every other call that the model knows on the
// object is tried: SoftHSM allows what the model allows and nothing else.
func TestFlips(t *testing.T) {
	s := newStage(t, softhsm.New(t))
	s.exact, s.bits = true, 1024 // a short key is there sooner
	shipped := policy.Run(policy.Shipped(policy.Guards()[0]), token.SoftHSM(), policy.TheOperator())
	count := struct{ matter, stop, calls int }{}
	for _, f := range findings.Flips() {
		t.Run(f.Row+" "+f.Name(), func(t *testing.T) {
			s.TB = t
			design := f.Of(policy.Shipped(policy.Guards()[0]))
			o := findings.Try(design, token.SoftHSM())
			if o.Worst != nil {
				count.matter++
				s.clear()
				s.carryOut(o.Worst.Way)
				s.holds(*o.Worst)
			}
			if len(o.Stops) > 0 {
				count.stop++
				s.clear()
				s.stopsAt(o.Stops[0])
			}
			s.clear()
			search := policy.Run(design, token.SoftHSM(), policy.TheOperator())
			count.calls += s.compared(f, search, slices.Equal(inRow(f, search), inRow(f, shipped)))
		})
	}
	s.TB = t
	t.Logf("%d flips: %d give something away, %d stop the ceremony; %d calls compared",
		len(findings.Flips()), count.matter, count.stop, count.calls)
}

// stopsAt does what comes before a step, and expects the token to refuse it.
func (s *stage) stopsAt(d *policy.Derivation) {
	s.Helper()
	s.carryOut(d.From...)
	s.login(roleOf(d))
	if _, err := s.attempt(d); err == nil || !refusal(err) {
		s.Errorf("%s: %v, where the model expects a refusal", d.Step.Text, err)
	}
}

// compared makes the ceremony's objects of a row and what an attacker holds
// against them, and compares SoftHSM with the model. Objects of a row that is
// never on the token are made, and are not on the token.
//
// Where a flip changes nothing in them they are made and read back; their calls
// are those of what ships, see TestCalls.
func (s *stage) compared(f findings.Flip, search *policy.Search, unchanged bool) int {
	s.Helper()
	concerned := func(d *policy.Derivation) bool { return d.Step.Row == f.Row }
	var objects, hidden []*policy.Derivation
	for _, d := range search.Ceremony() {
		if concerned(d) && d.Fact.(policy.Object).Hidden {
			hidden = append(hidden, d)
		}
	}
	for _, d := range search.Visible() {
		if concerned(d) && ofCeremony(d) || !unchanged && against(d) {
			objects = append(objects, d)
		}
	}
	s.carryOut(slices.Concat(hidden, objects)...)
	s.login(pkcs11.CKU_USER)
	for _, d := range hidden {
		s.hidden(d)
	}
	if unchanged {
		return 0
	}
	return s.agrees(objects, concerned)
}

// inRow lists the objects that the ceremony makes by a row of the table.
func inRow(f findings.Flip, search *policy.Search) (list []policy.Object) {
	for _, d := range search.Ceremony() {
		if d.Step.Row == f.Row {
			list = append(list, d.Fact.(policy.Object))
		}
	}
	return list
}

func ofCeremony(d *policy.Derivation) bool {
	switch d.Step.Who {
	case policy.Officer, policy.Quorum, policy.Operator:
		return d.Step.Op != policy.Restore
	}
	return false
}

// against reports whether an object is one that attacks are made with: the
// attacker's own, KM, KW and a kept AES key.
func against(d *policy.Derivation) bool {
	switch d.Step.Row {
	case policy.RowKM, policy.RowKWFrozen:
		return ofCeremony(d)
	case policy.RowAESKey:
		return ofCeremony(d) && d.Fact.(policy.Object).Attrs.Has(token.Extractable)
	}
	return d.Step.Who == policy.Attacks && d.Step.Op == policy.Create
}

func (s *stage) hidden(d *policy.Derivation) {
	s.Helper()
	onToken, err := s.raw.Flag(s.handle(d), pkcs11.CKA_TOKEN)
	s.must(err)
	if onToken {
		s.Errorf("%s: it is on the token", d.Step.Text)
	}
}

// matches compares an object on the token with the attributes that the model
// gives it.
func (s *stage) matches(d *policy.Derivation, o policy.Object, handle p11.Object) {
	s.Helper()
	for attribute, bit := range token.Modelled() {
		if !token.Exists(attribute, o.Class) || !s.exact {
			continue
		}
		got, err := s.raw.Flag(handle, attribute)
		s.must(err)
		if got != o.Attrs.Has(bit) {
			s.Errorf("%s: CKA_%s is %t, and %t in the model", d.Step.Text, p11.Name(attribute), got, !got)
		}
	}
}

// TestCalls compares SoftHSM with the model in what ships: every call of the
// model, on each object that an attacker finds, and each wrapped under each.
func TestCalls(t *testing.T) {
	s := newStage(t, softhsm.New(t))
	s.exact = true
	search := policy.Run(policy.Shipped(policy.Guards()[0]), token.SoftHSM(), policy.TheOperator())
	var objects []*policy.Derivation
	for _, d := range search.Visible() {
		if ofCeremony(d) || against(d) {
			objects = append(objects, d)
		}
	}
	s.carryOut(objects...)
	s.login(pkcs11.CKU_USER)
	calls := s.agrees(objects, func(*policy.Derivation) bool { return true })
	if len(objects) < 12 || calls < 200 {
		t.Errorf("%d calls on %d objects: too few for a test", calls, len(objects))
	}
}

// TestPairs carries out what two flips give away together.
func TestPairs(t *testing.T) {
	s := newStage(t, softhsm.New(t))
	s.exact = true
	pairs := findings.Pairs(token.SoftHSM())
	if len(pairs) == 0 {
		t.Error("no two flips give anything away")
	}
	for _, p := range pairs {
		t.Run(p.First.Row+" "+p.First.Name()+" "+p.Second.Row+" "+p.Second.Name(), func(t *testing.T) {
			s.TB = t
			s.clear()
			s.carryOut(p.Reached.Way)
			s.holds(p.Reached)
		})
	}
}
