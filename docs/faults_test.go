package docs

import (
	"crypto/x509"
	"testing"
	"time"

	"byok/internal/attest"
	"byok/internal/kek"
)

var (
	no  = []byte{0}
	yes = []byte{1}
)

// TestGoodPackages: what the program proves, the page's commands prove.
func TestGoodPackages(t *testing.T) {
	for name, change := range map[string]func(*rehearsal){
		"firmware 2": func(*rehearsal) {},
		"firmware 2, public as well": func(r *rehearsal) {
			s := r.statePublic(attest.Firmware2)
			r.public = &s
			set(&r.statement, attest.AttrClass, []byte{0, 0, 0, 3})
		},
		"firmware 3, a pair": func(r *rehearsal) {
			r.statement = newRehearsal(t, attest.Firmware3).statement
			r.statement.Objects = append(r.statement.Objects, r.statePublic(attest.Firmware3).Objects...)
			set(&r.statement, attest.AttrSignRecover, nil)
			r.kek.Expires = time.Time{}
		},
		"firmware 3, public first": func(r *rehearsal) {
			r.statement = newRehearsal(t, attest.Firmware3).statement
			r.statement.Objects = append(r.statePublic(attest.Firmware3).Objects, r.statement.Objects...)
			r.partition.algorithm = x509.SHA512WithRSA
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRehearsal(t, attest.Firmware2)
			change(r)
			agree(t, r.build(t), "")
		})
	}
}

// TestFaults puts in one fault at a time: at least one for each rule that
// commands can judge.
func TestFaults(t *testing.T) {
	ended := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	faults := map[string][]func(*rehearsal){
		kek.RuleOps: {
			func(r *rehearsal) { r.kek.KeyOps = []string{"import", "decrypt"} },
		},
		kek.RuleExpiry:  {func(r *rehearsal) { r.kek.Expires = r.now }},
		kek.RuleEnabled: {func(r *rehearsal) { r.kek.NotBefore = r.now.Add(time.Hour) }},
		attest.RuleFormat: {func(r *rehearsal) {
			r.statement.Objects[0].Attributes = append(r.statement.Objects[0].Attributes, r.statement.Objects[0].Attributes[0])
		}},
		attest.RuleChain: {
			func(r *rehearsal) { r.hsm.signer = strangerKey },
			func(r *rehearsal) { r.hsm.issuer = "elsewhere" },
			func(r *rehearsal) { r.partition.signer = strangerKey },
			func(r *rehearsal) { r.hsm.notCA = true },
		},
		attest.RuleOwner: {
			func(r *rehearsal) { r.owner.signer = strangerKey },
			func(r *rehearsal) { r.ownerPartition.signer = strangerKey },
		},
		attest.RulePartition: {func(r *rehearsal) { r.ownerPartition.key = strangerKey }},
		attest.RuleDates: {
			func(r *rehearsal) { r.root.until = ended }, func(r *rehearsal) { r.ownerPartition.until = ended },
		},
		attest.RuleSignature: {func(r *rehearsal) { r.statementKey = strangerKey }},
		attest.RuleClass: {
			func(r *rehearsal) { set(&r.statement, attest.AttrClass, []byte{2}) },
			func(r *rehearsal) { set(&r.statement, attest.AttrKeyType, []byte{3}) },
		},
		attest.RuleKey: {
			func(r *rehearsal) { set(&r.statement, attest.AttrModulus, keys()[strangerKey].N.Bytes()) },
			func(r *rehearsal) { set(&r.statement, attest.AttrPublicExponent, []byte{3}) },
		},
		attest.RuleID: {
			func(r *rehearsal) { set(&r.statement, attest.AttrID, []byte("/keys/KEKforBYOK/0")) },
		},
		attest.RuleSensitive: {
			func(r *rehearsal) { set(&r.statement, attest.AttrSensitive, no) },
			func(r *rehearsal) { set(&r.statement, attest.AttrAlwaysSensitive, no) },
		},
		attest.RuleExtractable: {
			func(r *rehearsal) { set(&r.statement, attest.AttrExtractable, yes) },
			func(r *rehearsal) { set(&r.statement, attest.AttrNeverExtractable, no) },
			func(r *rehearsal) { set(&r.statement, attest.AttrExtractable, nil) },
		},
		attest.RuleLocal: {func(r *rehearsal) { set(&r.statement, attest.AttrLocal, no) }},
		attest.RuleUsage: {
			func(r *rehearsal) { set(&r.statement, attest.AttrDecrypt, yes) },
			func(r *rehearsal) { set(&r.statement, attest.AttrSignRecover, yes) },
			func(r *rehearsal) { set(&r.statement, attest.AttrUnwrap, no) },
		},
		attest.RulePublic: {
			func(r *rehearsal) {
				s := r.statePublic(attest.Firmware2)
				set(&s, attest.AttrModulus, keys()[strangerKey].N.Bytes())
				r.public = &s
			},
			func(r *rehearsal) { s := r.statement; r.public = &s },
		},
	}
	for rule, changes := range faults {
		for _, change := range changes {
			t.Run(rule, func(t *testing.T) {
				t.Parallel()
				r := newRehearsal(t, attest.Firmware2)
				change(r)
				agree(t, r.build(t), rule)
			})
		}
	}
}

// TestPackageFaults are those of the packages themselves.
func TestPackageFaults(t *testing.T) {
	for rule, change := range map[string]func(*testing.T, *packages){
		attest.RuleRehearsal:      func(t *testing.T, p *packages) { p.world.Mark, p.world.RehearsalRoot = kek.Production, "" },
		attest.RuleWorldHash:      func(t *testing.T, p *packages) { p.world.Location = "elsewhere" },
		attest.RuleWorldSuffix:    func(t *testing.T, p *packages) { p.world.Generation = 2; p.bind(t) },
		kek.RuleVault:             func(t *testing.T, p *packages) { p.world.Vault = "https://localhost:9443"; p.bind(t) },
		attest.RuleWorldPartition: func(t *testing.T, p *packages) { p.world.PartitionCertificates = ""; p.bind(t) },
		kek.RuleType:              func(t *testing.T, p *packages) { p.kek.KTY = "RSA"; p.bind(t) },
		kek.RuleEnabled:           func(t *testing.T, p *packages) { p.kek.Enabled = false; p.bind(t) },
		attest.RulePresent: func(t *testing.T, p *packages) {
			p.kek.Attestation, p.world.PartitionCertificates = nil, ""
			p.bind(t)
		},
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			p := newRehearsal(t, attest.Firmware2).build(t)
			change(t, &p)
			agree(t, p, rule)
		})
	}
}
