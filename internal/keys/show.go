package keys

import (
	"byok/internal/fingerprint"
	"byok/internal/session"
	"byok/internal/statement"
	"byok/internal/strictjson"
	"fmt"
)

// approve shows the list and has a holder type the first word of its hash.
func (s Quorum) approve(pairs []*pair) (fingerprint.Sum, error) {
	approvals := make([]statement.Approval, 0, len(pairs))
	for i, p := range pairs {
		approvals = append(approvals, p.approval)
		s.show(i+1, p.approval)
	}
	data, err := strictjson.Marshal(approvals)
	if err != nil {
		return fingerprint.Sum{}, err
	}
	sum := fingerprint.Of(data)
	s.UI().Say("guard of %v: %s", s.Token, s.Module.Guard)
	if q := s.Module.VendorQuorum; q != "" {
		s.UI().Say("vendor's own quorum, stated and not proved: %s", q)
	}
	s.UI().Say("list of %d: %s", len(pairs), sum.FirstWords(8))
	s.UI().Warn("whoever may import into these vaults can use the packages there until the KEKs are deleted")
	return sum, s.UI().ApproveList(sum.FirstWords(1))
}

// show shows one pair of the list, as verified.
func (s Quorum) show(n int, a statement.Approval) {
	say := s.UI().Say
	say("%d. key    %s (%s), %v, %s", n, a.Ident, a.PlainName, a.Identity, keyMark(a.Identity))
	say("   origin %s", statement.OriginText(a.Origin, a.Restored))
	if r := a.Replaces; r != nil {
		say("   after  %s, %v, %s: its next version in the vault", r.Ident, r.Identity, keyMark(r.Identity))
	}
	if a.HSM != nil {
		say("   HSM    %v", a.HSM)
		for _, rule := range a.HSM.Rules {
			say("          %s: %s", rule.Rule, rule.Detail)
		}
	}
	say("   KEK    %v", a.KEK.KID)
	say("          %s; %s", a.KEK.Fingerprint.FirstWords(8), attested(a.KEK))
	say("          %s said: %s, import only", a.KEK.Said.By, a.KEK.Said.Fingerprint)
	say("   target %s in %s", a.Target.Name, a.Target.Vault)
	say("   may    %s%s", session.Join(a.Target.KeyOps), exportable(a.Target))
}

func attested(k statement.KEK) string {
	if k.Attested {
		return "attested"
	}
	return "not attested: it rests on what was said"
}

func exportable(t statement.Target) string {
	if t.Exportable {
		return fmt.Sprintf("; exportable under the release policy %.16s…", t.ReleasePolicy)
	}
	return "; not exportable"
}

// keyMark is what people compare a key by: words of its public key's hash, or
// the check value.
func keyMark(i statement.Identity) string {
	sum, err := i.Fingerprint()
	if err != nil {
		return "check value " + i.CheckValue
	}
	return sum.FirstWords(4)
}
