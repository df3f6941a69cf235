package report

import (
	"fmt"
	"slices"
	"strings"

	"byok/internal/airgap"
	"byok/internal/bundle"
	"byok/internal/ceremony"
	"byok/internal/printable"
)

// item is what a standard asks for, and where the evidence is.
type item struct {
	Standard string
	Asks     string
	Evidence string
	Section  string // of the report, by its anchor; "" where the record has none
	People   bool   // the record alone cannot show it
}

// checklist is the table of what auditors of key ceremonies ask for. Sources:
// WebTrust for Certification Authorities 2.2 (principle 2, 4.1 to 4.3); CA/Browser
// Forum Baseline Requirements 6.1.1.1, 5.4.1, 5.4.3; ETSI EN 319 411-1, 6.5.1; PCI
// PIN Security requirements 9 and 21; ISO 21188, 7.4; NIST SP 800-57 part 1, 5.3;
// CA/Browser Forum Network and Certificate System Security Requirements, 1.c.
func checklist(v *view) []item {
	planned := v.Plan == nil
	return []item{
		{"BR 6.1.1.1; WebTrust 4.1", "a script was prepared and followed", v.planEvidence(), "course", planned},
		{"BR 6.1.1.1", "a qualified auditor witnessed, or the ceremony was recorded", v.witnesses(), "people", true},
		{"WebTrust 4.1; ISO 21188, 7.4.2", "participants, their roles and presence", v.present(), "people", true},
		{"WebTrust 4.1", "approval beforehand", v.approval(), "people", true},
		{"ETSI 6.5.1; WebTrust 4.1", "the device: model, serial number, firmware, certification", v.devices(), "hsm", false},
		{"WebTrust 4.1", "software, its hash and its source", v.software(), "hsm", false},
		{"NetSec 1.c", "the workstation was disconnected", v.disconnected(), "log", true},
		{"PCI PIN 21; ETSI 6.5.1", "split knowledge and dual control", v.control(), "statements", false},
		{"BR 6.1.1.1; ISO 21188, 7.4.3", "keys were generated in the device", v.origins(), "keys", false},
		{"NIST SP 800-57, 5.3", "purpose and period of use of each key", v.periods(), "keys", planned},
		{"PCI PIN 9", "keys went only where they were approved for", v.arrivals(), "keys", false},
		{"PCI PIN 9", "the key exchange key's evidence", v.attested(), "keks", false},
		{"PCI PIN 9", "the key exchange key's end", v.closed(), "keks", false},
		{"BR 5.4.1", "every step is logged, failures too", v.logged(), "log", false},
		{"BR 5.4.3", "the log is protected and kept", fmt.Sprintf("statement %d, the last, is signed over the log; "+
			"where the bundle is kept rests on people", v.Last.Number()), "statements", true},
		{"WebTrust 4.2; ISO 21188, 7.4.4", "backup and recovery", "the key files hold the backups; " + v.drills() +
			"; where the copies are kept rests on people", "log", true},
		{"WebTrust 4.3; PCI PIN 21", "destruction", v.destroyed(), "keys", false},
		{"WebTrust 4.1", "deviations", counted(len(v.Deviations), "deviation"), "deviations", false},
	}
}

func (v *view) planEvidence() string {
	if v.Plan == nil {
		return "the record has no plan"
	}
	done := 0
	for _, s := range v.Steps {
		if s.State == stepDone || s.State == stepAttested {
			done++
		}
	}
	return fmt.Sprintf("%s; by the log, %d of its %s were done or attested",
		bundle.Plan, done, counted(len(v.Steps), "step"))
}

func (v *view) witnesses() string {
	if v.Plan == nil || len(v.Plan.Witnesses) == 0 {
		return "not in the record"
	}
	names := make([]string, len(v.Plan.Witnesses))
	for i, w := range v.Plan.Witnesses {
		names[i] = w.Name
	}
	attested := 0
	for _, s := range v.Steps {
		if len(s.Attested) > 0 {
			attested++
		}
	}
	return fmt.Sprintf("the plan names %s; %s attested in the log; signatures are on the paper",
		strings.Join(names, ", "), counted(attested, "step"))
}

func (v *view) present() string {
	return "cards of " + counted(len(v.Presences), "holder") + " were read; signatures are on the paper"
}

// disconnected is what commands saw of the network interfaces.
func (v *view) disconnected() string {
	none, looked := 0, 0
	var other []string
	for _, e := range v.Events {
		for _, seen := range e.notes(ceremony.NoteInterfaces) {
			looked++
			if seen == airgap.NoneUp {
				none++
			} else if !slices.Contains(other, seen) {
				other = append(other, seen)
			}
		}
	}
	if looked == 0 {
		return "not in the record; cables and radio rest on people"
	}
	text := fmt.Sprintf("no network interface was up in %d of the %s that looked", none, counted(looked, "command"))
	if len(other) > 0 {
		text += "; otherwise " + strings.Join(other, "; ")
	}
	return text + "; cables and radio rest on people"
}

func (v *view) control() string {
	return fmt.Sprintf("quorum %s: statements 1 to %d are signed under the cards; bags and seals are on the paper",
		v.Quorum, v.Last.Number())
}

func (v *view) logged() string {
	return fmt.Sprintf("%s and %s, each with the hash of the one before",
		counted(v.Head.Lines, "line"), counted(v.Lines, "line"))
}

// drills are the recoveries that the log has.
func (v *view) drills() string {
	n := 0
	for _, e := range v.Events {
		if (e.Command == "key restore" || e.Command == "world recover") && e.Result == ceremony.Success {
			n++
		}
	}
	return counted(n, "recovery test") + " in the log"
}

func (v *view) destroyed() string {
	n := 0
	for _, k := range v.Keys {
		if !k.Retired.IsZero() {
			n++
		}
	}
	return counted(n, "key") + " destroyed, by signed records"
}

func (v *view) attested() string {
	n := 0
	for _, k := range v.KEKs {
		if k.Attested {
			n++
		}
	}
	return fmt.Sprintf("%d of %s attested by an HSM; each rule's result, and what the owner said",
		n, counted(len(v.KEKs), "KEK"))
}

func (v *view) approval() string {
	if v.Plan == nil {
		return "not in the record"
	}
	return "the plan names " + v.Plan.Approver.Name + "; the signature is on the paper"
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
		list = append(list, p.String())
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
		return "not in the record"
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
	return fmt.Sprintf("%d of %s proved by the vault", proved, counted(all, "destination"))
}

func (v *view) closed() string {
	closed := 0
	for _, k := range v.KEKs {
		if !k.Closed.IsZero() {
			closed++
		}
	}
	return fmt.Sprintf("%d of %s deleted, by the connected workstation's log", closed, counted(len(v.KEKs), "KEK"))
}

// counted says how many of a thing there are.
func counted(n int, thing string) string { return printable.Count(n, thing) }
