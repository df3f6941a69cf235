package findings

import (
	_ "embed" // the text of the page
	"fmt"
	"slices"
	"strings"

	"byok/internal/policy"
	"byok/internal/policy/token"
)

//go:embed page.md
var text string

// Page is docs/security/policy.md: the text of page.md with its tables, all of
// them from the model.
func Page() string {
	return strings.NewReplacer(
		"{{shipped}}", resultTable(),
		"{{modules}}", fmt.Sprint(len(Modules())), "{{proved}}", fmt.Sprint(len(Proved())), "{{proofs}}", proofsTable(),
		"{{flaws}}", flawsTable(),
		"{{ways}}", waysOfFlaws(),
		"{{flips}}", flipsTables(), "{{pairs}}", pairsTable(),
	).Replace(text)
}

// table is a table in Markdown.
type table []string

func newTable(columns ...string) *table {
	t := new(table)
	t.row(columns...)
	t.row(slices.Repeat([]string{"---"}, len(columns))...)
	return t
}

func (t *table) row(cells ...string) { *t = append(*t, "| "+strings.Join(cells, " | ")+" |\n") }

func (t *table) String() string { return strings.Join(*t, "") }

// Case is a search of what ships.
type Case struct {
	Guard    policy.Guard
	Module   token.Module
	Attacker policy.Attacker
}

// Cases lists the searches of what ships: each guard, each module that offers
// it, each attacker. Trust-shared is trust on the token; it adds a person.
func Cases() (list []Case) {
	for _, g := range policy.Guards() {
		for _, m := range token.Accepted() {
			if !g.Offers(m) || g.Name == "trust-shared" {
				continue
			}
			for _, a := range policy.Attackers() {
				list = append(list, Case{g, m, a})
			}
		}
	}
	return list
}

// resultTable is the table of the searches of what ships.
func resultTable() string {
	t := newTable("guard", "module", "form", "attacker", "objects in his reach", "facts", "goals reached")
	for _, c := range Cases() {
		s := policy.Run(policy.Shipped(c.Guard), c.Module, c.Attacker)
		t.row(c.Guard.Name, c.Module.Name, c.Module.Form(), c.Attacker.Name,
			fmt.Sprint(s.Objects()), fmt.Sprint(s.Facts()), goals(s.Reached()))
	}
	return t.String()
}

// proofsTable is what is reached on a module that fails one proof alone.
func proofsTable() string {
	guards := []policy.Guard{policy.Guards()[0], policy.Guards()[2]}
	t := newTable("proof", "guard "+guards[0].Name, "guard "+guards[1].Name)
	for _, p := range Proofs() {
		t.row(p.Name, Without(p, guards[0]).String(), Without(p, guards[1]).String())
	}
	return t.String()
}

func goals(list []policy.Reached) string {
	if len(list) == 0 {
		return "none"
	}
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = string(r.Goal)
	}
	return strings.Join(names, ", ")
}

// flawsTable is the table of the seeded flaws.
func flawsTable() string {
	t := newTable("flaw", "known from", "module", "attacker", "what he gets", "steps, his own", "run on")
	for i, f := range Flaws() {
		way := f.way()
		t.row(fmt.Sprintf("%d. %s", i+1, f.Name), f.Source, f.Module.Name+", "+f.Module.Form(), f.Attacker.Name,
			fmt.Sprintf("%s: %s", f.Goal, f.What), fmt.Sprintf("%d, %d", len(way.Steps()), len(way.Moves())), f.runOn())
	}
	return t.String()
}

func waysOfFlaws() string {
	var out strings.Builder
	for i, f := range Flaws() {
		fmt.Fprintf(&out, "%d. %s\n\n```text\n%s```\n\n", i+1, f.Name, f.way())
	}
	return out.String()
}

func (f Flaw) way() *policy.Derivation {
	r, _ := policy.Run(f.Design, f.Module, f.Attacker).Way(f.Goal, f.What)
	return r.Way
}

func (f Flaw) runOn() string {
	if f.Shim == "" {
		return "SoftHSM"
	}
	return "the shim"
}

// columns are the modules of the tables of flips.
func columns() []token.Module {
	return []token.Module{token.SoftHSM(), token.Standard().TwoSteps(), token.Standard()}
}

// flipsTables are a table for each template, with a line for each attribute.
func flipsTables() string {
	var tables []string
	var t *table
	row := ""
	for _, flips := range paired(Flips()) {
		if flips[0].Row != row {
			row, t = flips[0].Row, newTable("attribute", "why", "SoftHSM 2.6.1", "others, two steps", "others, one call")
			tables = append(tables, "")
		}
		cells := []string{flips[0].shown(), flips[0].Attribute.Why}
		for _, m := range columns() {
			cells = append(cells, cell(flips, m))
		}
		t.row(cells...)
		tables[len(tables)-1] = fmt.Sprintf("### %s\n\n%s", title(row), t)
	}
	return strings.Join(tables, "\n")
}

// pairsTable is the table of second lines.
func pairsTable() string {
	t := newTable("attributes", "module", "reached")
	for _, m := range columns() {
		for _, p := range Pairs(m) {
			t.row(fmt.Sprintf("%s: %s; %s: %s", p.First.Row, p.First.Name(), p.Second.Row, p.Second.Name()),
				m.Name+", "+m.Form(), fmt.Sprintf("**%s** (%s)", p.Reached.Goal, p.Reached.What))
		}
	}
	return t.String()
}

// paired puts the flips of one attribute together.
func paired(list []Flip) (pairs [][]Flip) {
	for _, f := range list {
		last := len(pairs) - 1
		if last >= 0 && pairs[last][0].Row == f.Row && pairs[last][0].Attribute.Type == f.Attribute.Type {
			pairs[last] = append(pairs[last], f)
			continue
		}
		pairs = append(pairs, []Flip{f})
	}
	return pairs
}

// shown is the attribute as it ships.
func (f Flip) shown() string {
	if f.LeftOut {
		return f.Attribute.Name()
	}
	return fmt.Sprintf("%s=%t", f.Attribute.Name(), f.Attribute.Value)
}

func title(row string) string { return strings.ToUpper(row[:1]) + row[1:] }

const nothing = "–"

// cell says what becomes of the flips of an attribute on a module.
func cell(flips []Flip, m token.Module) string {
	var texts []string
	for _, f := range flips {
		outcome := Try(f.Of(shipped()), m).String()
		if slices.Contains(texts, outcome) || outcome == nothing {
			continue
		}
		if f.LeftOut && len(flips) > 1 {
			outcome = "left out: " + outcome
		}
		texts = append(texts, outcome)
	}
	if len(texts) == 0 {
		return nothing
	}
	return strings.Join(texts, "; ")
}

// String says what is reached and by whom, or where the ceremony stops.
func (o Outcome) String() string {
	switch {
	case o.Worst != nil && o.Attacker.OldCards:
		return fmt.Sprintf("**%s** (%s), with replaced cards", o.Worst.Goal, o.Worst.What)
	case o.Worst != nil:
		return fmt.Sprintf("**%s** (%s)", o.Worst.Goal, o.Worst.What)
	case len(o.Stops) > 0:
		return "stops: " + o.Stops[0].Step.Text.String()
	}
	return nothing
}
