package report

import (
	"fmt"
	"strings"
)

// item is what a standard asks for, and where the evidence is.
type item struct {
	Standard string
	Asks     string
	Evidence string
	People   bool // the record cannot show it
}

// checklist is the table of what auditors of key ceremonies ask for. Sources:
// WebTrust for Certification Authorities 2.2 (principle 2, 4.1 to 4.3); CA/Browser
// Forum Baseline Requirements 6.1.1.1, 5.4.1, 5.4.3; ETSI EN 319 411-1, 6.5.1; PCI
// PIN Security requirements 9 and 21; ISO 21188, 7.4; NIST SP 800-57 part 1, 5.3.
func checklist(v *view) []item {
	return []item{
		{"BR 6.1.1.1; WebTrust 4.1", "a script was prepared and followed", v.planEvidence(), v.Plan == nil},
		{"BR 6.1.1.1", "a qualified auditor witnessed, or the ceremony was recorded", v.witnesses(), true},
		{"WebTrust 4.1; ISO 21188, 7.4.2", "participants, their roles and presence",
			"Section People: card holders as each statement names them; signatures are on the paper", true},
		{"WebTrust 4.1", "approval beforehand", v.approval(), true},
		{"ETSI 6.5.1; WebTrust 4.1", "the device: model, serial number, firmware, certification",
			v.devices(), false},
		{"WebTrust 4.1", "software and its hash", v.software(), false},
		{"PCI PIN 21; ETSI 6.5.1", "split knowledge and dual control",
			fmt.Sprintf("Quorum %s: statements 1 to %d are signed under the cards; bags and seals are on the paper",
				v.Quorum, v.Last.Number()), false},
		{"BR 6.1.1.1; ISO 21188, 7.4.3", "keys were generated in the device", v.origins(), false},
		{"NIST SP 800-57, 5.3", "purpose and period of use of each key", v.periods(), v.Plan == nil},
		{"PCI PIN 9", "keys went only where they were approved for", v.arrivals(), false},
		{"BR 5.4.1", "every step is logged, failures too",
			fmt.Sprintf("Section Log: %s, each line with the hash of the one before", counted(v.Head.Lines, "line")), false},
		{"BR 5.4.3", "the log is protected and kept",
			fmt.Sprintf("Statement %d, the last, is signed over the log; where the bundle is kept rests on people",
				v.Last.Number()), true},
		{"WebTrust 4.2", "backup and recovery", "Key files hold the backups; where their copies are rests on people", true},
		{"WebTrust 4.1", "deviations", counted(len(v.Deviations), "deviation") + " in section Deviations", false},
		{"PCI PIN 9", "the KEK is closed afterwards", v.closed(), false},
	}
}

func (v *view) planEvidence() string {
	if v.Plan == nil {
		return "No plan is in the bundle"
	}
	return "plan.yaml, SHA-256 " + v.PlanSum.String()
}

func (v *view) witnesses() string {
	if v.Plan == nil || len(v.Plan.Witnesses) == 0 {
		return "Not in the record"
	}
	names := make([]string, len(v.Plan.Witnesses))
	for i, w := range v.Plan.Witnesses {
		names[i] = w.Name
	}
	return "The plan names " + strings.Join(names, ", ") + "; signatures are on the paper"
}

func (v *view) approval() string {
	if v.Plan == nil {
		return "Not in the record"
	}
	return "The plan names " + v.Plan.Approver.Name + "; the signature is on the paper"
}

func (v *view) devices() string {
	var list []string
	for _, m := range v.Modules {
		list = append(list, fmt.Sprintf("%s %s, serial %s, firmware %s, guard %s",
			m.Token.Manufacturer, m.Token.Model, m.Token.Serial, m.Token.Firmware, m.GuardText()))
	}
	text := strings.Join(list, "; ")
	if v.Plan != nil && v.Plan.HSM.Certificate != "" {
		text += "; certificate, by the plan: " + v.Plan.HSM.Certificate
	}
	return text
}

func (v *view) software() string {
	var list []string
	for _, p := range v.Programs {
		list = append(list, fmt.Sprintf("byok-offline %s, SHA-256 %s", p.Version, p.SHA256))
	}
	for _, m := range v.Modules {
		list = append(list, fmt.Sprintf("PKCS#11 library %s, SHA-256 %s", m.Library.Path, m.Library.SHA256))
	}
	return strings.Join(list, "; ")
}

func (v *view) origins() string {
	var list []string
	for _, k := range v.Keys {
		list = append(list, k.Ident+": "+k.Origin)
	}
	return strings.Join(list, "; ")
}

func (v *view) periods() string {
	if v.Plan == nil {
		return "Not in the record"
	}
	var list []string
	for _, k := range v.Plan.Keys {
		period := "no end"
		if k.Expires != "" {
			period = "until " + string(k.Expires)
		}
		list = append(list, fmt.Sprintf("%s: %s, %s", k.Ident, k.Purpose, period))
	}
	return strings.Join(list, "; ")
}

func (v *view) arrivals() string {
	proved, all := 0, 0
	for _, k := range v.Keys {
		for _, d := range k.Went {
			all++
			if len(d.Proofs) > 0 {
				proved++
			}
		}
	}
	return fmt.Sprintf("%d of %s proved by the vault; section Keys", proved, counted(all, "destination"))
}

func (v *view) closed() string {
	closed := 0
	for _, k := range v.KEKs {
		if !k.Deleted.IsZero() {
			closed++
		}
	}
	return fmt.Sprintf("%d of %s deleted, by the connected side's log", closed, counted(len(v.KEKs), "KEK"))
}
