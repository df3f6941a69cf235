package linkage

import (
	"testing"

	"byok/internal/testkit/hostile"
)

func TestHostileText(t *testing.T) {
	hostile.Try(t, "Report", hostile.Fill[Report]())
}
