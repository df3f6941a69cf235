package exitcode

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	cause := errors.New("the slot is empty")
	for name, c := range map[string]struct {
		err  error
		want Code
	}{
		"nil":                       {nil, Done},
		"unmarked":                  {cause, Failed},
		"marked":                    {Errorf(HSM, "token: %w", cause), HSM},
		"marked deeper wins":        {Mark(Vault, fmt.Errorf("upload: %w", Errorf(Usage, "name"))), Usage},
		"marked beneath plain":      {fmt.Errorf("outer: %w", Mark(Check, cause)), Check},
		"hinted keeps the mark":     {Hint(Mark(Refused, cause), "byok-offline %s", "world info"), Refused},
		"cancelled over its mark":   {Mark(Vault, fmt.Errorf("put: %w", context.Canceled)), Interrupted},
		"interrupted":               {fmt.Errorf("put: %w", ErrInterrupted), Interrupted},
		"nil stays nil when marked": {Mark(HSM, nil), Done},
		"nil stays nil when hinted": {Hint(nil, "x"), Done},
	} {
		if got := Of(c.err); got != c.want {
			t.Errorf("%s: status %d, want %d", name, got, c.want)
		}
	}
}

func TestHintOf(t *testing.T) {
	err := fmt.Errorf("outer: %w", Hint(errors.New("no world"), "byok-offline world create"))
	if got := HintOf(err); got != "byok-offline world create" {
		t.Errorf("hint %q", got)
	}
	made := Errorf(Usage, "no %s", "world").Hint("byok-offline world %s", "create")
	if Of(made) != Usage || HintOf(made) != "byok-offline world create" || made.Error() != "no world" {
		t.Errorf("%v, status %d, hint %q", made, Of(made), HintOf(made))
	}
	if got := HintOf(errors.New("plain")); got != "" {
		t.Errorf("hint of a plain error: %q", got)
	}
	if err.Error() != "outer: no world" {
		t.Errorf("the hint leaked into the text: %q", err)
	}
}

// TestPartly adds how many of several things are done to what an error hints at.
func TestPartly(t *testing.T) {
	plain, hinted := errors.New("the token is full"), Hint(errors.New("the key was exchanged"), "stop")
	for name, c := range map[string]struct {
		err       error
		done, all int
		want      string
	}{
		"without a hint": {plain, 50, 52, "50 done, 2 left: the same command goes on"},
		"with one":       {hinted, 0, 2, "stop; 0 done, 2 left"},
		"a single one":   {plain, 0, 1, ""},
		"no error":       {nil, 2, 2, ""},
	} {
		got := Partly(c.err, c.done, c.all)
		if HintOf(got) != c.want || !errors.Is(got, c.err) {
			t.Errorf("%s: %v, hint %q", name, got, HintOf(got))
		}
	}
}

// TestDocumented compares the table in docs/exit-status.md with the constants.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/exit-status.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, c := range All() {
		fmt.Fprintf(&want, "| %d | %s |\n", c, c.Meaning())
	}
	if !strings.Contains(string(page), "| --- | --- |\n"+want.String()+"\n") {
		t.Errorf("docs/exit-status.md does not hold this table:\n%s", want.String())
	}
}
