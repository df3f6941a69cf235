//go:build linux

package dialogue_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/exitcode"
	"byok/internal/officer"
)

var order = officer.For("token A", nil, officer.Object{Label: "byok-km-1", Handle: 7, ID: []byte{1}, Words: "abandon"})

// TestAwaitOfficer shows the order, and looks until it is done, or until the
// people have waited long enough.
func TestAwaitOfficer(t *testing.T) {
	dialogue.Hurry()
	no := errors.New("no")
	const gone = "waiting for that, 1h0m0s at most; an interrupt ends the wait, and the same command goes on"
	for _, c := range []struct {
		name string
		wait string
		done func(look int) (bool, error)
		code exitcode.Code
		text string
		hint string
	}{
		{"done at the third look", "1h", func(look int) (bool, error) { return look == 3, nil }, 0, "", ""},
		{"another object", "1h", func(int) (bool, error) { return false, no }, exitcode.Failed, "no", ""},
		{"nobody", "1ms", func(int) (bool, error) { return false, nil }, exitcode.Refused,
			"byok-km-1 was not trusted within 1ms",
			"have the crypto officer do what was shown, then run the same command again"},
	} {
		look := 0
		said := run(t, []string{"--officer-wait", c.wait}, nil, func(r *command.Run) error {
			return dialogue.New(r, false).AwaitOfficer(order, func() (bool, error) {
				look++
				return c.done(look)
			})
		})
		if c.text == "" && said.err != nil {
			t.Errorf("%s: %v", c.name, said.err)
		}
		if c.text != "" {
			refused(t, c.name, said.err, c.code, c.text, c.hint)
		}
		want := append(
			order.Lines(),
			strings.Replace(gone, "1h0m0s", map[bool]string{true: "1ms", false: "1h0m0s"}[c.wait == "1ms"], 1),
		)
		if lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(said.screen, "test: ", ""), "\n"), "\n"); !slices.Equal(
			lines,
			want,
		) {
			t.Errorf("%s: %q", c.name, lines)
		}
		if note := said.notes["to be trusted by the crypto officer"]; note != "byok-km-1, public key abandon" {
			t.Errorf("%s: note %q", c.name, note)
		}
	}
}

// TestAwaitInterrupted: Ctrl-C ends the wait, with the status of an interrupt.
func TestAwaitInterrupted(t *testing.T) {
	said := run(t, []string{"--officer-wait", "1h"}, nil, func(r *command.Run) error {
		ctx, cancel := context.WithCancel(r.Context.Context)
		r.Context.Context = ctx
		return dialogue.New(r, false).AwaitOfficer(order, func() (bool, error) {
			cancel()
			return false, nil
		})
	})
	refused(t, "interrupted", said.err, exitcode.Interrupted, "context canceled",
		"run the same command again: it goes on with the same object")
}
