package simulation

import (
	"os"
	"slices"
	"testing"

	"byok/internal/kek"
	"byok/internal/plan"
)

// TestOfPlan counts the keys that a plan carries to each of its vaults.
func TestOfPlan(t *testing.T) {
	data, err := os.ReadFile("../plan/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Parse("good.yaml", data)
	if err != nil {
		t.Fatal(err)
	}
	want := []Vault{
		{"hsm", kek.ServiceManagedHSM, "5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10", 3},
		{"premium", kek.ServiceVault, "00000000-0000-0000-0000-000000000001", 1},
	}
	if got := OfPlan(p); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
