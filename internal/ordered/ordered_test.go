package ordered_test

import (
	"slices"
	"testing"

	"byok/internal/ordered"
)

// TestSort compares with the standard library, on lists with many equal entries,
// long enough that it sorts them in blocks.
func TestSort(t *testing.T) {
	type pair struct{ key, place int }
	byKey := func(a, b pair) int { return a.key - b.key }
	for _, n := range []int{0, 1, 2, 19, 20, 21, 100, 1000} {
		list := make([]pair, n)
		for i := range list {
			list[i] = pair{key: i * 7919 % 13, place: i}
		}
		want := slices.Clone(list)
		slices.SortStableFunc(want, byKey)
		if ordered.Sort(list, byKey); !slices.Equal(list, want) {
			t.Errorf("%d entries: %v, want %v", n, list, want)
		}
	}
}
