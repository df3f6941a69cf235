package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/attest"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
	"byok/internal/world"
)

func verifyCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "prove that a KEK was made in a genuine HSM and cannot leave it (verifykeypackage.py)", Action: p.Step(verify),
		Flags: slices.Concat(packageFlags(), unattestedFlags(), []cli.Flag{
			&cli.StringFlag{Name: "attestation", Usage: "`FILE` that az keyvault key get-attestation wrote, instead of the packages"},
			&cli.StringFlag{Name: "at", Usage: "`TIME` to judge as of, such as 2026-01-02T03:04:05Z, for an auditor who repeats a check (default: now)"},
		}),
	}
}

func verify(r *command.Run) (command.Result, error) {
	if err := r.NoArgs(); err != nil {
		return nil, err
	}
	at, err := judgedAt(r)
	if err != nil {
		return nil, err
	}
	if path := r.String("attestation"); path != "" {
		return verifyAttestation(r, path, at)
	}
	w, err := readWorld(r)
	if err != nil {
		return nil, err
	}
	verdict, err := checkPackages(r, w, at)
	if err == nil {
		err = mustBeAttested(verdict.KEK)
	}
	return describeVerdict(verdict), err
}

// judgedAt is the time that dates are held against. Only verify lets it be
// another than now: a transfer is never as of the past.
func judgedAt(r *command.Run) (time.Time, error) {
	text := r.String("at")
	if text == "" {
		return time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, exitcode.Errorf(exitcode.Usage, "--at %s: a time such as 2026-01-02T03:04:05Z is expected", text)
	}
	r.Console.Warning("judged as of %s, not as of now", at.UTC().Format(time.RFC3339))
	r.Event.AddNote("judged as of", at.UTC().Format(time.RFC3339))
	return at, nil
}

// mustBeAttested keeps an accepted KEK from being called a proved one. That
// people have accepted it is recorded by then, and counts where it is used.
func mustBeAttested(k *attest.KEK) error {
	if k.Attested() {
		return nil
	}
	return exitcode.Hint(exitcode.Errorf(exitcode.Refused, "KEK %v is accepted by its fingerprint, which is recorded; it is not proved", k.KID()),
		"byok-offline acl modify takes the recorded acceptance")
}

// verifyAttestation judges the attestation of any RSA key of a Managed HSM. It
// needs no world and makes no KEK.
func verifyAttestation(r *command.Run, path string, at time.Time) (command.Result, error) {
	if r.IsSet("kek") || r.IsSet("world-package") || r.Bool("accept-unattested") || r.IsSet("fingerprint") {
		return nil, exitcode.Errorf(exitcode.Usage, "--attestation is given instead of -k and -w, not with them, and accepts nothing")
	}
	data, err := r.ReadFile(path, attest.MaxFile)
	if err != nil {
		return nil, err
	}
	verdict, err := attest.CheckFile(path, data, attest.Policy{Now: at})
	return describeVerdict(verdict), err
}

// checkedKEK reads and checks the packages of -k and -w for a world.
func checkedKEK(r *command.Run, w *world.World) (*attest.KEK, error) {
	verdict, err := checkPackages(r, w, time.Now())
	if err != nil {
		return nil, err
	}
	r.Event.AddNote("KEK", verdict.KEK.KID().String())
	return verdict.KEK, nil
}

func checkPackages(r *command.Run, w *world.World, at time.Time) (attest.Verdict, error) {
	var none attest.Verdict
	kek, sw, swBytes, err := readPackages(r)
	if err != nil {
		return none, err
	}
	policy, heard, err := policyOf(r, w, at)
	if err != nil {
		return none, err
	}
	verdict, err := attest.Check(kek, sw, swBytes, policy)
	if err := compareHeard(r, heard, verdict, err); err != nil {
		return verdict, err
	}
	return verdict, recordAcceptance(r, w, verdict, heard)
}

// compareHeard holds the fingerprint that came over a second channel to the
// KEK, also to one that is attested: attestation does not say whose HSM it is.
func compareHeard(r *command.Run, heard fingerprint.Sum, v attest.Verdict, err error) error {
	if heard == (fingerprint.Sum{}) || v.Fingerprint == (fingerprint.Sum{}) || heard == v.Fingerprint {
		return err
	}
	if err == nil {
		return exitcode.Errorf(exitcode.Check, "--fingerprint: not that of KEK %v", v.KEK.KID())
	}
	r.Console.Warning("--fingerprint is not that of this KEK")
	return err
}

func readPackages(r *command.Run) (kek toolset.KEKPackage, sw toolset.SecurityWorldPackage, swBytes []byte, err error) {
	kekPath, err := r.Required("kek")
	if err != nil {
		return kek, sw, nil, err
	}
	swPath, err := r.Required("world-package")
	if err != nil {
		return kek, sw, nil, err
	}
	kekBytes, err := r.ReadFile(kekPath, toolset.MaxPackage)
	if err != nil {
		return kek, sw, nil, err
	}
	if swBytes, err = r.ReadFile(swPath, toolset.MaxPackage); err != nil {
		return kek, sw, nil, err
	}
	if kek, err = toolset.ParseKEKPackage(kekPath, kekBytes); err != nil {
		return kek, sw, nil, err
	}
	sw, err = toolset.ParseSecurityWorldPackage(swPath, swBytes)
	return kek, sw, swBytes, err
}

// policyOf is what this world takes: its own rehearsal standing, and the
// unattested KEKs that were accepted now or before. heard is the fingerprint
// given now, or zero.
func policyOf(r *command.Run, w *world.World, at time.Time) (p attest.Policy, heard fingerprint.Sum, err error) {
	accepted, err := w.Accepted()
	if err != nil {
		return p, heard, err
	}
	p = attest.Policy{Rehearsal: w.Rehearsal, Now: at, Accepted: accepted}
	if !r.Bool("accept-unattested") && !r.IsSet("fingerprint") {
		return p, heard, nil
	}
	text, err := r.Required("fingerprint")
	if err != nil {
		return p, heard, err
	}
	heard, err = fingerprint.Parse(text)
	if r.Bool("accept-unattested") {
		p.Accepted = append(p.Accepted, heard)
	}
	return p, heard, err
}

// recordAcceptance keeps an accepted fingerprint in kmdata, so that the next
// commands need it once. The record is not signed: its use is told apart from
// a comparison made now.
func recordAcceptance(r *command.Run, w *world.World, v attest.Verdict, heard fingerprint.Sum) error {
	if v.KEK == nil || v.KEK.Attested() {
		return nil
	}
	how := "it was accepted by its fingerprint"
	if heard == (fingerprint.Sum{}) {
		how = "a record in kmdata, which nothing signs, says that its fingerprint was accepted"
	}
	r.Console.Warning("KEK %v is proved by no attestation: %s", v.KEK.KID(), how)
	r.Event.AddNote("unattested KEK accepted", v.KEK.Fingerprint().String()+", "+how)
	return w.Accept(v.KEK.KID(), v.KEK.Fingerprint())
}

// sayKEK shows the quorum, before its cards are read, which KEK it will trust.
func sayKEK(r *command.Run, kek *attest.KEK) {
	r.Console.Say("KEK %v, fingerprint %s", kek.KID(), kek.Fingerprint().Groups())
	for _, row := range kek.Fingerprint().Rows() {
		r.Console.Say("  %s", row)
	}
	if kek.Attested() && !kek.Rehearsal() && !r.IsSet("fingerprint") {
		r.Console.Warning("an attestation does not say whose HSM it is: compare this fingerprint with the vault's owner, or give what he says with --fingerprint")
	}
}

// verdictView is a verdict: a line for each rule, then the fingerprint.
type verdictView struct {
	Findings    []attest.Finding `json:"findings"`
	Facts       []attest.Fact    `json:"facts,omitempty"` // of verify --attestation
	Attested    bool             `json:"attested"`        // proved; false also for an attestation that is refused
	Fingerprint *fingerprint.Sum `json:"spki_sha256,omitempty"`
	Words       []string         `json:"words,omitempty"`
}

// describeVerdict gives nothing where no rule was applied.
func describeVerdict(v attest.Verdict) command.Result {
	if len(v.Findings) == 0 {
		return nil
	}
	view := verdictView{Findings: v.Findings, Facts: v.Facts, Attested: true}
	for _, f := range v.Findings {
		view.Attested = view.Attested && f.OK
	}
	if v.Fingerprint != (fingerprint.Sum{}) {
		view.Fingerprint, view.Words = &v.Fingerprint, v.Fingerprint.Words()
	}
	return view
}

// printFacts shows what the HSM states of the key, below the verdict on that.
func (v verdictView) printFacts(w io.Writer) error {
	if len(v.Facts) == 0 {
		return nil
	}
	rows := [][]string{{"STATED ATTRIBUTE", "VALUE"}}
	for _, f := range v.Facts {
		rows = append(rows, []string{f.Attribute, f.Value})
	}
	return term.Table(w, rows)
}

func (v verdictView) Print(w io.Writer) error {
	for _, f := range v.Findings {
		mark := "pass"
		if !f.OK {
			mark = "FAIL"
		}
		if _, err := fmt.Fprintf(w, "%s  %-23s %s\n", mark, f.Rule, term.Printable(f.Detail)); err != nil {
			return err
		}
	}
	if err := v.printFacts(w); err != nil || v.Fingerprint == nil {
		return err
	}
	rows := [][]string{{"fingerprint", v.Fingerprint.Groups()}}
	for _, row := range v.Fingerprint.Rows() {
		rows = append(rows, []string{"", row})
	}
	return term.Table(w, rows)
}
