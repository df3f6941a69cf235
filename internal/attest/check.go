// Package attest decides whether a vault's key exchange key may be used: by
// what the vault's owner says of it and, for a Managed HSM's key, by its
// attestation as well.
//
// Use [Check] on the two packages of a toolset; the [KEK] in its [Result] is
// the only kind that the rest of the program accepts. [CheckFile] applies the
// attestation's rules to the JSON that az keyvault key get-attestation writes,
// for any RSA key, and never returns a KEK. [NewClaims] and [Sign] make
// attestations for rehearsals. Nothing here reads a file or a clock.
//
// An attestation (toolset.Attestation) is four certificates and signed [Claims].
// A pinned root of the vendor certifies the HSM, the HSM its partition, the
// partition's owner the same partition again; the partition's key signs what the
// HSM knows of the key. The formats are Marvell's (its
// scripts parse_v1.py, parse_v2.py and verify_attest.py) and Microsoft's
// (azure-managed-hsm-key-attestation), checked against a genuine attestation;
// no genuine one of Firmware3 was at hand.
//
// An attestation proves that the KEK was generated in a genuine HSM and cannot
// leave it. It does not prove whose HSM that is: the owner's root is
// self-signed, so its name is a claim. Nor does it prove that the service
// keeps the key to import. That is why the comparison with what the owner says
// (kek.Said) is needed in every case.
//
// A rule has its name in rules.go, its row in the table of steps.go if it is about
// the attestation or of check.go if it is about the toolset, and its check in
// evidence.go or check.go.
//
// No finding holds the KEK's fingerprint: people must not read on the screen
// what they are to be asked for. It is in Result.Fingerprint.
package attest

import (
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/keykind"
	"byok/internal/pemfile"
	"byok/internal/toolset"
)

// Result is what a check found.
type Result struct {
	Findings    []kek.Finding   // in the order of Rules
	KEK         *KEK            // nil unless the check had no error
	Fingerprint fingerprint.Sum // of the key that was checked; zero if it could not be read
	Facts       []Fact          // of CheckFile: what is stated of the key
}

// Check applies every rule to the KEK of a toolset. The error is nil exactly
// when the result has a KEK, and otherwise has the status
//
//   - Refused if rehearsal and production would mix, or a rehearsal's KEK is
//     not on this computer: then no other rule was applied;
//   - Check if a rule does not hold;
//   - Refused, with a hint, if every rule holds that can without p.Said.
//
// Without an attestation, a vault's KEK is accepted on what p.Said says, and
// its finding [RulePresent] says so. A bad attestation is never outweighed, nor
// a missing one of a Managed HSM's key.
func Check(pair toolset.Pair, p kek.Policy) (Result, error) {
	if err := checkMark(pair, p); err != nil {
		return Result{Findings: []kek.Finding{{Rule: RuleRehearsal, Detail: err.Error()}}}, err
	}
	c := newCheck(pair, p)
	findings := kek.Follow(c.toolsetSteps())
	findings = append(findings, pair.KEK().Candidate(pair.SecurityWorld().Vault).Check(p.Now)...)
	if a := pair.KEK().Attestation; a != nil {
		findings = append(findings, kek.Follow(c.attestationSteps(*a))...)
	} else {
		findings = append(findings, kek.Follow([]kek.Step{{Rule: RulePresent, Apply: c.unattested}})...)
	}
	return c.conclude(sorted(findings))
}

// checkMark comes before all else, for a rehearsal's package brings its own
// root.
func checkMark(pair toolset.Pair, p kek.Policy) error {
	mark, other := pair.KEK().Mark, pair.SecurityWorld().Mark
	vault := pair.KEK().KID.Vault
	switch {
	case mark != other:
		return exitcode.Errorf(exitcode.Refused, "%s: one package is marked %s, the other %s", pair.Name(), mark,
			other)
	case mark != kek.Production && !p.Rehearsal:
		return exitcode.Errorf(exitcode.Refused, "%s: made in a %s, and this world is not a rehearsal", pair.Name(),
			mark).
			Hint("make a toolset from the production vault: byok-online toolset build")
	case mark == kek.Production && p.Rehearsal:
		return exitcode.Errorf(exitcode.Refused, "%s: made for production, and this world is a rehearsal",
			pair.Name()).
			Hint("make a toolset from the rehearsal vault: byok-online toolset build")
	case mark != kek.Production && !kek.IsLoopback(kek.HostOf(vault)):
		return exitcode.Errorf(exitcode.Refused, "%s: the KEK of a %s must be on this computer, but is in %s",
			pair.Name(), mark, vault).
			Hint("make a toolset from the rehearsal vault: byok-online toolset build")
	}
	return nil
}

// check is one run of Check.
type check struct {
	pair   toolset.Pair
	policy kek.Policy
	key    *rsa.PublicKey // not nil: a package that parses has an RSA key
	sum    fingerprint.Sum
	said   error // nil if what the owner said was compared and agrees
}

// errNotCompared is for a policy without what the owner said.
var errNotCompared = errors.New("not compared with what the vault's owner says over another channel")

func newCheck(pair toolset.Pair, p kek.Policy) *check {
	c := &check{pair: pair, policy: p, said: errNotCompared}
	// Neither can fail for a key of a package that was parsed.
	public, _ := keykind.ParsePublicKey(pair.KEK().PublicKey)
	c.key, _ = public.(*rsa.PublicKey)
	c.sum, _ = keykind.SPKIHash(c.key)
	if p.Said != nil {
		c.said = p.Said.Compare(pair.KEK().KID, c.sum)
	}
	return c
}

func (c *check) toolsetSteps() []kek.Step {
	return []kek.Step{
		{Rule: RuleRehearsal, Apply: c.mark},
		{Rule: RuleWorldHash, Apply: c.worldHash},
		{Rule: RuleWorldSuffix, Apply: c.worldSuffix},
		{Rule: RuleOwn, Apply: c.own},
		{Rule: RuleSaid, Apply: c.compared},
	}
}

func (c *check) mark() (string, error) {
	if mark := c.pair.KEK().Mark; mark != kek.Production {
		return strings.ToUpper(string(mark)) + ": this proves nothing of value", nil
	}
	return string(kek.Production), nil
}

func (c *check) worldHash() (string, error) {
	if c.pair.KEK().SecurityWorld != c.pair.SecurityWorldHash() {
		return "", errors.New("the KEK package is bound to a different SecurityWorld package")
	}
	return c.pair.SecurityWorldHash().String(), nil
}

func (c *check) worldSuffix() (string, error) {
	k, world := c.pair.KEK(), c.pair.SecurityWorld()
	if k.Suffix != world.Suffix || k.Generation != world.Generation {
		return "", fmt.Errorf("%s-%d and %s-%d", k.Suffix, k.Generation, world.Suffix, world.Generation)
	}
	return fmt.Sprintf("%s-%d", k.Suffix, k.Generation), nil
}

func (c *check) own() (string, error) {
	if slices.Contains(c.policy.Own, c.sum) {
		return "", errors.New("the KEK is a module key of this security world: whoever holds its cards could open " +
			"what is wrapped for it")
	}
	return "not a key of this security world", nil
}

func (c *check) compared() (string, error) {
	if c.said != nil {
		return "", c.said
	}
	said := c.policy.Said
	extent := "the whole fingerprint"
	if words := said.Fingerprint.Words(); words < len(c.sum) {
		extent = fmt.Sprintf("the first %d words of the fingerprint", words)
	}
	return fmt.Sprintf("%q said %s, the identifier, and import only", said.By, extent), nil
}

func (c *check) attestationSteps(a toolset.Attestation) []kek.Step {
	e := &evidence{now: c.policy.Now, roots: c.roots, subject: &attestedKey{c.pair.KEK().KID, c.key}, forKEK: true}
	steps := e.steps(a)
	if c.managedHSM() {
		steps = append(steps, e.whenRead(RuleWorldPartition, func() (string, error) {
			return e.checkNamed(c.pair.SecurityWorld().PartitionCertificates)
		}))
	}
	return steps
}

// roots are the vendor's, or in a rehearsal only the rehearsal's own.
func (c *check) roots() ([]*x509.Certificate, error) {
	if c.pair.KEK().Mark == kek.Production {
		return pinnedRoots()
	}
	list, err := pemfile.Certificates([]byte(c.pair.SecurityWorld().RehearsalRoot))
	if err != nil || len(list) != 1 {
		return nil, errors.New("rehearsal_root is not one certificate in PEM")
	}
	return list, nil
}

// managedHSM also looks at the name of the vault: to call a Managed HSM a
// vault must not spare it the attestation.
func (c *check) managedHSM() bool {
	return c.pair.SecurityWorld().Service == kek.ServiceManagedHSM ||
		kek.IsManagedHSM(kek.HostOf(c.pair.KEK().KID.Vault))
}

func (c *check) unattested() (string, error) {
	switch {
	case c.managedHSM():
		return "", errors.New("a Managed HSM attests its keys, and this package has no attestation")
	case c.said != nil:
		return "", errors.New("a vault attests nothing: the KEK is proved by the comparison alone")
	}
	return fmt.Sprintf("none: a vault attests nothing; accepted on the word of %q", c.policy.Said.By), nil
}

// conclude weighs the findings.
func (c *check) conclude(findings []kek.Finding) (Result, error) {
	r := Result{Findings: findings, Fingerprint: c.sum}
	failed := kek.Failed(findings)
	if c.policy.Said == nil {
		failed = slices.DeleteFunc(failed, func(f kek.Finding) bool {
			return f.Rule == RuleSaid || f.Rule == RulePresent && !c.managedHSM()
		})
	}
	switch {
	case len(failed) > 0:
		return r, exitcode.Errorf(exitcode.Check, "%s: the KEK is refused by %s", c.pair.Name(),
			strings.Join(names(failed), ", "))
	case c.policy.Said == nil:
		return r, exitcode.Errorf(exitcode.Refused, "%s: the KEK was %w", c.pair.Name(), errNotCompared).Hint(
			"ask the vault's owner, by phone or in person, for the KEK's fingerprint (its first %d words), "+
				"its identifier with the version, and that its one operation is import", kek.LeastWords)
	}
	r.KEK = c.accepted(findings)
	return r, nil
}
