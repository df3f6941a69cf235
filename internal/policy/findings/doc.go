// Package findings is what the search of package policy finds in the designs and
// the modules that it is run on, and docs/security/policy.md, which shows it:
// the seeded flaws ([Flaws]), the flips of each attribute ([Flips], [Pairs]),
// and the modules that pass what the program proves ([Proofs]).
//
// It is for tests. To try a change of the design, add a row to [Flaws] and run
// make policy.
package findings
