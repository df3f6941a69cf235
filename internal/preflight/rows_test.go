package preflight_test

import (
	"strings"
	"testing"

	"byok/internal/preflight"
)

// TestUnlisted: a command without checks is a mistake, and does not go on.
func TestUnlisted(t *testing.T) {
	s := newStage(t)
	if o := s.run("key dance"); o.passed || !strings.Contains(o.said, "no checks are listed for key dance") {
		t.Errorf("%q", o.said)
	}
}

// TestEveryRowIsNamed: a check is said in one phrase, and has one name.
func TestEveryRowIsNamed(t *testing.T) {
	names := map[string]bool{}
	for command, checks := range preflight.Commands() {
		if len(checks) == 0 {
			t.Errorf("%s has no checks", command)
		}
		for _, c := range checks {
			names[c.Name] = true
		}
	}
	t.Logf("%d checks, %d commands", len(names), len(preflight.Commands()))
}
