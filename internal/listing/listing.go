// Package listing is the list of keys and vaults that card holders approve, as
// text: nothing in it is left to be looked up elsewhere.
package listing

import (
	"fmt"
	"slices"
	"strings"

	"byok/internal/statement"
)

// Of is the n-th pair of a list, a line each.
func Of(n int, a statement.Approval) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
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
	say("   may    %s%s", strings.Join(slices.Sorted(slices.Values(a.Target.KeyOps)), ", "), exportable(a.Target))
	return lines
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
