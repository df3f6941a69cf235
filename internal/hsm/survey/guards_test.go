package survey

import (
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/statement"
)

// with is a module of which everything is enforced, except some.
func with(outcomes map[string]Outcome) []Property {
	list := untried()
	for i := range list {
		if list[i].Name != PropRights {
			list[i].Outcome = Enforced
		}
		if o, found := outcomes[list[i].Name]; found {
			list[i].Outcome = o
		}
	}
	return list
}

func TestGuards(t *testing.T) {
	all := Processes{Enforced, Enforced}
	const tool = "not tried: whether the vendor's tool trusts a key"
	const tried = "everything that it rests on was tried"
	const shared = "another process reaches what a login of this one protects"
	for _, c := range []struct {
		name       string
		properties []Property
		processes  Processes
		want       [3]string
	}{
		{"everything", with(nil), all, [3]string{"reached: " + tried, "not known: " + tool, "reached: " + tried}},
		{"no one trusts", with(map[string]Outcome{PropTrustedBySO: Refused, PropFrozen: NotTried, PropOneCall: Refused}), all,
			[3]string{"not reached: refused: " + PropTrustedBySO, "not reached: refused: " + PropOneCall, "reached: " + tried}},
		{"no SO", with(map[string]Outcome{
			PropTrustedBySO: NotTried, PropFrozen: NotTried, PropForVault: NotTried, PropRestore: NotTried,
		}), Processes{}, [3]string{
			"not known: not tried: " + PropTrustedBySO + ", " + PropFrozen + ", " + PropForVault + ", " + PropRestore +
				", what another process can do",
			"not known: not tried: what another process can do, whether the vendor's tool trusts a key",
			"not known: not tried: what another process can do",
		}},
		{"a daemon of one login", with(nil), Processes{NotEnforced, NotEnforced},
			[3]string{"not reached: " + shared, "not reached: " + shared, "not reached: " + shared}},
		{"a second process without the SO", with(nil), Processes{User: Enforced}, [3]string{
			"not known: not tried: what another process can do", "not known: " + tool, "reached: " + tried,
		}},
		{"anybody trusts", with(map[string]Outcome{PropTrustedOnly: NotEnforced, PropKeyWrap: Refused}), all, [3]string{
			"not reached: not enforced: " + PropTrustedOnly + "; refused: " + PropKeyWrap,
			"not reached: not enforced: " + PropTrustedOnly, "not reached: refused: " + PropKeyWrap,
		}},
		{"rights per login", with(map[string]Outcome{
			PropRights: Enforced, PropTrustedBySO: NotTried, PropOneWay: NotEnforced, PropLoginVault: Refused, PropLoginBack: Refused,
			PropDerive: NotEnforced,
		}), Processes{User: Enforced}, [3]string{
			"not reached: not enforced: " + PropDerive + ", " + PropOneWay,
			"not reached: not enforced: " + PropDerive, "reached: with rights per login: " + tried,
		}},
		{"rights per login, in a daemon", with(map[string]Outcome{PropRights: Enforced}), Processes{NotEnforced, NotEnforced},
			[3]string{"not reached: " + shared, "not reached: " + shared, "not reached: " + shared}},
		{"no rights per login", with(map[string]Outcome{PropRights: NotEnforced}), all,
			[3]string{"reached: " + tried, "not known: " + tool, "not reached: not enforced: " + PropRights}},
	} {
		var got []string
		for _, r := range Guards(c.properties, c.processes) {
			got = append(got, r.Outcome+": "+r.Why)
		}
		if !slices.Equal(got, c.want[:]) {
			t.Errorf("%s\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestGuardsAreListed: no guard is forgotten, and none stronger stands behind.
func TestGuardsAreListed(t *testing.T) {
	var got []statement.Guard
	for _, g := range guards {
		got = append(got, g.guard)
	}
	want := slices.DeleteFunc(statement.Guards(), func(g statement.Guard) bool {
		return g == statement.GuardTrustShared || g == statement.GuardLoginShared
	})
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestConclude: the strongest guard that is reached is named, or the one asked
// for; a module is no use once none is left.
func TestConclude(t *testing.T) {
	trust := func(outcome string) Reach { return Reach{statement.GuardTrust, outcome, "why"} }
	tool := func(outcome string) Reach { return Reach{statement.GuardTrustByTool, outcome, "tool"} }
	login := func(outcome string) Reach { return Reach{statement.GuardLogin, outcome, "because"} }
	for _, c := range []struct {
		name  string
		list  []Reach
		asked statement.Guard
		want  Conclusion
	}{
		{"all", []Reach{trust(Reached), tool(Unknown), login(Reached)}, "",
			Conclusion{true, statement.GuardTrust, Reached, "why"}},
		{"a weaker one alone", []Reach{trust(NotReached), tool(NotReached), login(Reached)}, "",
			Conclusion{true, statement.GuardLogin, Reached, "because"}},
		{"a stronger one left open", []Reach{trust(Unknown), tool(NotReached), login(Reached)}, "",
			Conclusion{true, statement.GuardLogin, Reached, "because; guard trust is not known: why"}},
		{"nothing but what is not known", []Reach{trust(NotReached), tool(Unknown), login(NotReached)}, "",
			Conclusion{true, statement.GuardTrustByTool, Unknown, "tool"}},
		{"none", []Reach{trust(NotReached), tool(NotReached), login(NotReached)}, "",
			Conclusion{false, "", NotReached, "guard trust: why. guard trust-by-tool: tool. guard login: because"}},
		{"more is asked for", []Reach{trust(NotReached), tool(NotReached), login(Reached)}, statement.GuardTrustShared,
			Conclusion{false, statement.GuardTrustShared, NotReached, "why"}},
		{"less is asked for", []Reach{trust(Reached), tool(NotReached), login(Reached)}, statement.GuardLoginShared,
			Conclusion{true, statement.GuardLoginShared, Reached, "because"}},
		{"what no check can tell", []Reach{trust(NotReached), tool(Unknown), login(Reached)}, statement.GuardTrustByTool,
			Conclusion{true, statement.GuardTrustByTool, Unknown, "tool"}},
	} {
		if got := Conclude(c.list, c.asked); got != c.want {
			t.Errorf("%s\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// TestRowsAreDocumented: the page on HSMs has every row of the table.
func TestRowsAreDocumented(t *testing.T) {
	page := string(must[[]byte](t)(os.ReadFile("../../../docs/hsm/README.md")))
	documented := map[string]bool{}
	for line := range strings.Lines(page) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| ") {
			for name := range strings.SplitSeq(strings.TrimPrefix(cells[0], "| "), "; ") {
				documented[name] = true
			}
		}
	}
	for _, p := range untried() {
		if !documented[p.Name] {
			t.Errorf("docs/hsm/README.md has no row %q", p.Name)
		}
	}
}
