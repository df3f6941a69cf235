package findings

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/security/policy.md")

// TestPage: docs/security/policy.md is what the search finds now.
func TestPage(t *testing.T) {
	const path = "../../../docs/security/policy.md"
	page := Page()
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != page {
		t.Errorf("%s is not what the search finds now: make policy writes it", path)
	}
}
