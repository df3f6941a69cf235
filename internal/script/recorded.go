package script

import (
	"slices"
	"strings"
)

// StepPlan is attested, as if it were a step, where a changed plan takes the place
// of the one before.
const StepPlan = "plan"

// looking are the commands of steps that only look: no log has them.
var looking = []string{"confine status", "module list", "ceremony verify"}

// Recorded reports whether the step is a command that the ceremony log has.
func (s Step) Recorded() bool {
	return len(s.Command) > 1 && !slices.Contains(looking, strings.Join(s.Command[:2], " "))
}
