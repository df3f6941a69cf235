package confine

import (
	"strings"

	"byok/internal/version"
)

// buildRows compare the program with the released one.
func buildRows(built version.Build) []Row {
	const name = "built as released"
	if missing := built.Missing(); len(missing) > 0 {
		return []Row{{name, false, "without " + strings.Join(missing, ", ") + "; build it with make build"}}
	}
	return []Row{{name, true, built.Word()}}
}
