package derivation

import (
	"testing"

	"byok/internal/hsm/p11"
)

// TestTables: each mechanism stands in one row, with its effect.
func TestTables(t *testing.T) {
	names, numbers := map[string]bool{}, map[uint]bool{}
	row := func(name string, number uint, complete bool) {
		if names[name] || numbers[number] || !complete {
			t.Errorf("%s (0x%X) is twice in the tables, or incomplete", name, number)
		}
		names[name], numbers[number] = true, true
	}
	for _, d := range Table {
		row(d.Name, d.Number, len(d.Reveals) > 0 && d.parameter != nil)
	}
	for _, w := range OneWays {
		row(w.Name, w.Number, w.Why != "")
	}
}

// TestParameters: the other key is in the parameter of the one mechanism that
// takes one, and of no other.
func TestParameters(t *testing.T) {
	for _, d := range Table {
		one, two := d.With(p11.Object(1))[0], d.With(p11.Object(2))[0]
		if one.Mechanism != d.Number {
			t.Errorf("%s makes 0x%X", d.Name, one.Mechanism)
		}
		if got := string(one.Parameter) != string(two.Parameter); got != (len(d.Reveals) == 2) {
			t.Errorf("%s: the other key changes the parameter: %t", d.Name, got)
		}
	}
}
