package renewal

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/ordered"
	"byok/internal/register"
	"byok/internal/transfer"
)

// Outcome is what came of everything in a register.
type Outcome struct {
	Entries   []Entry
	KEKs      []Exchange
	Strays    []register.Stray // proofs that are not in the register
	Elsewhere int              // approvals without a package here, or of another vault than the one asked
}

func (o *Outcome) add(r Renewer, e Entry) {
	o.Entries = append(o.Entries, e)
	r.Say(e)
}

// Count counts the entries with a result.
func (o Outcome) Count(result Result) (n int) {
	for _, e := range o.Entries {
		if e.Result == result {
			n++
		}
	}
	return n
}

// maxNamed is how many failures Err names one by one.
const maxNamed = 20

// severity is the order of the statuses, the worst first. A status that is not
// here comes last.
var severity = []exitcode.Code{
	exitcode.Interrupted, exitcode.Check, exitcode.Refused, exitcode.Vault, exitcode.Failed,
}

// Err returns everything that failed, nil where nothing did. Its status is the
// worst of them: interrupted before a check that failed, then refused, then a vault
// or the network, then the rest. Usage promises that nothing was touched, and becomes
// Check where a proof was written.
func (o Outcome) Err() error {
	all := o.failures()
	ordered.Sort(all, func(a, b error) int { return rank(a) - rank(b) })
	if more := len(all) - maxNamed; more > 0 {
		all = append(all[:maxNamed], fmt.Errorf("%d more failed; --output json says why of each", more))
	}
	err := errors.Join(all...)
	if exitcode.Of(err) == exitcode.Usage && o.Count(Proved) > 0 {
		err = exitcode.Errorf(exitcode.Check, "%w", err)
	}
	return err
}

func (o Outcome) failures() (all []error) {
	for _, e := range o.Entries {
		if e.Err != nil {
			all = append(all, e.named())
		}
	}
	for _, k := range o.KEKs {
		if k.Err != nil {
			all = append(all, k.Err)
		}
	}
	for _, s := range o.Strays {
		all = append(all, s.Why)
	}
	if n := o.Count(NotAsked); n > 0 {
		all = append(all, fmt.Errorf("%w: %d of %d keys were not asked about", exitcode.ErrInterrupted, n, len(o.Entries)))
	}
	return all
}

// named puts the key before its error. Those of a package that cannot be read name
// one of its files.
func (e Entry) named() error {
	stem, _ := transfer.Stem(e.Name())
	if e.Destination == nil && strings.Contains(e.Err.Error(), stem) {
		return e.Err
	}
	return fmt.Errorf("%s: %w", e.Name(), e.Err)
}

func rank(err error) int {
	if at := slices.Index(severity, exitcode.Of(err)); at >= 0 {
		return at
	}
	return len(severity)
}
