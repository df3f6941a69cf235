package examples_test

import (
	"strings"
	"testing"

	"byok/internal/examples"
)

// TestEveryExampleIsOfItsCommand. That each is understood is tested with the
// programs.
func TestEveryExampleIsOfItsCommand(t *testing.T) {
	for program, all := range map[string]map[string]string{
		"byok-offline": examples.Offline(), "byok-online": examples.Online(),
	} {
		for command, line := range all {
			if !strings.HasPrefix(line+" ", program+" "+command+" ") {
				t.Errorf("%s %s: %s", program, command, line)
			}
		}
	}
}
