package script

import (
	"slices"
	"strings"

	"byok/internal/plan"
)

// inFull is how many keys' steps are printed in full. A book of more is not read
// page by page: further keys have a line for each vault.
const inFull = 50

// kinds are the first words of the IDs of a key's steps, in the order of the list's
// columns.
var kinds = []string{"key", "approve", "package", "upload", "prove"}

// further is a line of the list of further keys: the numbers of a key's steps for
// one vault, 0 where the line before has it.
type further struct {
	Ident, Type, Vault string
	Numbers            []int // by kinds
}

// divided numbers the steps, and divides them into those that are printed in full
// and those of further keys.
func divided(p *plan.Plan, steps []Step) (printed []line, list []further) {
	at := map[string]int{} // line of the list, by a step's ID without its kind
	for _, k := range p.Keys[min(inFull, len(p.Keys)):] {
		for i, vault := range k.Vaults {
			if i == 0 {
				at[k.Ident] = len(list)
			}
			at[k.Ident+":"+vault] = len(list)
			list = append(list, further{k.Ident, k.Type, vault, make([]int, len(kinds))})
		}
	}
	for i, s := range steps {
		kind, of, _ := strings.Cut(s.ID, ":")
		column := slices.Index(kinds, kind)
		if row, isFurther := at[of]; isFurther && column >= 0 {
			list[row].Numbers[column] = i + 1
			continue
		}
		printed = append(printed, line{Step: s, Number: i + 1, Shell: s.Shell(), Mine: s.Acts})
	}
	return printed, list
}
