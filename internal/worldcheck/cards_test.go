package worldcheck_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"byok/internal/cards"
	"byok/internal/exitcode"
	"byok/internal/session"
	"byok/internal/testkit/rig"
	"byok/internal/worldcheck"
)

func copiedTo(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	rig.OK(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// TestCards checks each card on its own.
func TestCards(t *testing.T) {
	r := rig.NewWorld(t)
	r.People.Passphrases[1] = "wrong"
	rows := worldcheck.Cards(r.Chain(t), cards.Folders(r.Folders), r.People)
	var got []string
	for _, row := range rows {
		got = append(got, r.Plain(fmt.Sprintf("%s: %s: %s", row.What, row.Outcome, row.Detail)))
	}
	want := []string{
		"card 1 (Ada): pass: its share fits the commitments", "card in CARD2: FAIL: CARD2: wrong passphrase",
		"card 3 (Cleo): pass: its share fits the commitments",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if err := worldcheck.Summary(rows); err == nil || err.Error() != "1 of 3 checks did not pass" || exitcode.Of(err) != exitcode.Check {
		t.Errorf("%v", err)
	}
	rows = worldcheck.Cards(r.Chain(t), cards.Folders([]string{r.Folders[0], r.Folders[0] + "/."}), r.People)
	if len(rows) != 1 || r.Plain(rows[0].Detail) != "CARD1 and CARD1/. are one folder: each card needs its own" {
		t.Errorf("%v", rows)
	}
}

// TestUnreadableToken gives the error on: nothing was checked.
func TestUnreadableToken(t *testing.T) {
	r := rig.NewWorld(t)
	rig.OK(t, r.Operator(func(o *session.Operator) error {
		t.Setenv("SHIM_DO", "fail=0x30")
		t.Setenv("SHIM_AT", "C_FindObjectsInit+")
		rows, err := worldcheck.Token(o, nil)
		t.Setenv("SHIM_AT", "")
		r.Refused(t, err, exitcode.HSM, "C_FindObjectsInit: CKR_DEVICE_ERROR", "")
		if len(rows) != 4 || rows[2].Outcome != worldcheck.Fail {
			t.Errorf("%v", rows)
		}
		return nil
	}))
}
