package rig

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"byok/internal/session"
	"byok/internal/worldcheck"
)

// Rows runs a world check on the module at hand.
func (r *Rig) Rows(t testing.TB) (rows []worldcheck.Row, err error) {
	t.Helper()
	OK(t, r.Operator(func(o *session.Operator) error {
		rows, err = worldcheck.Token(o, nil)
		return nil
	}))
	return rows, err
}

// Whole fails the test unless a world check finds everything as it should be.
func (r *Rig) Whole(t testing.TB) {
	t.Helper()
	if rows, err := r.Rows(t); err != nil {
		t.Errorf("world check: %v\n%s", err, r.show(rows))
	}
}

func (r *Rig) show(rows []worldcheck.Row) string {
	var text strings.Builder
	for _, row := range rows {
		text.WriteString(fmt.Sprintln(r.Plain(row.What), row.Outcome, r.Plain(row.Detail)))
	}
	return text.String()
}

// Finds holds what a world check says of one thing to its whole text, such as
// "pass: none".
func (r *Rig) Finds(t testing.TB, what, want string) {
	t.Helper()
	rows, _ := r.Rows(t)
	i := slices.IndexFunc(rows, func(row worldcheck.Row) bool { return row.What == what })
	if i < 0 {
		t.Errorf("no row %q in\n%s", what, r.show(rows))
		return
	}
	if got := r.Plain(fmt.Sprintf("%s: %s", rows[i].Outcome, rows[i].Detail)); got != want {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}
