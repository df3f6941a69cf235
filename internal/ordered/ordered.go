// Package ordered sorts. One copy of the code serves lists of every type, where
// [slices.SortFunc] and [slices.SortStableFunc] put 10 to 15 kB into a program for
// each type. For strings and numbers use package slices, which has one copy for each
// of them.
package ordered

import "sort"

// Sort puts a list into the order of compare, which returns a negative number where
// a comes before b, and 0 where they are equal: those stay in the order they had.
func Sort[T any](list []T, compare func(a, b T) int) {
	less := func(i, j int) bool { return compare(list[i], list[j]) < 0 }
	sort.SliceStable(list, less) //revive:disable-line:use-slices-sort // see above
}
