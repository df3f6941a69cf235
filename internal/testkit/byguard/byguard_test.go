package byguard

import (
	"fmt"
	"strings"
	"testing"

	"byok/internal/testkit/rig"
)

func TestMain(m *testing.M) { rig.Main(m) }

// TestByGuard: under each guard somebody gets what the guard promises to leave
// to them, and nothing more.
func TestByGuard(t *testing.T) {
	asPromised, all := 0, 0
	for i, c := range Columns() {
		t.Run(fmt.Sprintf("%s on %s", c.Guard, c.Module), func(t *testing.T) {
			r := c.world(t)
			for _, row := range Rows() {
				got := row.try(c, t, r)
				all++
				switch {
				case got != row.want[i]:
					t.Errorf("%s:\n got %s\nwant %s", row.Name, got, row.want[i])
				case strings.Contains(got, gained) && c.Leaves == "":
					t.Errorf("BREACH: %s: %s", row.Name, got)
				default:
					asPromised++
				}
			}
		})
	}
	t.Logf("%d of %d are as the guards promise", asPromised, all)
}

// TestColumns: each column is in the place that its name says.
func TestColumns(t *testing.T) {
	list := Columns()
	for i, module := range map[int]string{nShield: "nShield", cloudHSM: "AWS CloudHSM", azure: "Azure Cloud HSM"} {
		if list[i].Module != module {
			t.Errorf("column %d is %s", i, list[i].Module)
		}
	}
	if len(list) != columns || list[login].Leaves != "" || list[typed].Leaves == "" || list[shared].officer == "" {
		t.Errorf("%d columns", len(list))
	}
}
