package approval

import (
	"slices"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/statement"
)

// Point is one thing that a quorum approved, and how it is.
type Point struct {
	Rule     string // KEY-VAULT, KEY-NAME, KEY-OPS, KEY-EXPORTABLE or KEY-POLICY
	Approved string
	Is       string
	Same     bool
}

// String returns what is, and beside it what was approved where that differs.
func (p Point) String() string {
	if p.Same {
		return p.Is
	}
	return p.Is + " where the quorum approved " + p.Approved
}

// rules are the points that a quorum approves, one a line.
var rules = []struct {
	name string
	text func(statement.Target) string
	same func(a, b string) bool
}{
	{"KEY-VAULT", func(t statement.Target) string { return t.Vault }, equal},
	{"KEY-NAME", func(t statement.Target) string { return t.Name }, strings.EqualFold},
	{"KEY-OPS", func(t statement.Target) string { return operations(t.KeyOps) }, equal},
	{"KEY-EXPORTABLE", func(t statement.Target) string { return exportable(t.Exportable) }, equal},
	{"KEY-POLICY", func(t statement.Target) string { return policy(t.ReleasePolicy) }, equal},
}

// Compare goes through what a quorum approved, in the order of the rules, and
// says of each point whether is is the same.
func Compare(approved, is statement.Target) []Point {
	var all []Point
	for _, r := range rules {
		a, b := r.text(approved), r.text(is)
		all = append(all, Point{r.name, a, b, r.same(a, b)})
	}
	return all
}

// Differences returns, in one line, the points in which is is not as approved,
// each behind its rule; "" where it is.
func Differences(approved, is statement.Target) string {
	var all []string
	for _, p := range Compare(approved, is) {
		if !p.Same {
			all = append(all, p.Rule+": "+p.String())
		}
	}
	return strings.Join(all, "; ")
}

func equal(a, b string) bool { return a == b }

// operations sorts: the service returns operations in an order of its own.
func operations(ops []string) string {
	if len(ops) == 0 {
		return "no operations"
	}
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(ops))), ", ")
}

func exportable(yes bool) string {
	if yes {
		return "exportable"
	}
	return "not exportable"
}

func policy(sum fingerprint.Sum) string {
	if sum.IsZero() {
		return "no release policy"
	}
	return "release policy " + sum.String()
}
