package term

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestTallyOnATerminal has one line, with the rate and the time left.
func TestTallyOnATerminal(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
	}
	if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	c := &Console{Program: "p", Err: slave}
	tally := c.Tally("generating keys", "is made", 200)
	now := time.Unix(0, 0)
	tally.progress.now, tally.progress.start = func() time.Time { return now }, now
	for n := range 12 {
		now = now.Add(50 * time.Millisecond)
		if n == 11 {
			now = now.Add(2 * time.Second)
		}
		tally.Add(fmt.Sprint("k", n))
	}
	now = now.Add(20 * time.Second)
	tally.Add("slow")
	tally.Done()
	got, want := shown(t, master, slave), "p: generating keys: 12 of 200, 4.6/s, 41s left"
	if !strings.Contains(got, want) || !strings.Contains(got, "p: generating keys: 13 of 200, 0.6/s, 5m25s left") ||
		strings.Contains(got, "is made") {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTallyInAPipe has a line for each of the first fifty, every fiftieth and the last.
func TestTallyInAPipe(t *testing.T) {
	var e bytes.Buffer
	c := &Console{Program: "p", Err: &e}
	const total = 10_007
	tally := c.Tally("generating keys", "is made", total)
	var want []string
	for n := 1; n <= total; n++ {
		tally.Add(fmt.Sprint("k", n))
		if n <= 50 || n%50 == 0 || n == total {
			want = append(want, fmt.Sprintf("p: k%d is made, %d of 10007", n, n))
		}
	}
	tally.Done()
	if got := strings.Split(strings.TrimSpace(e.String()), "\n"); !slices.Equal(got, want) || tally.Number() != total {
		t.Errorf("%d lines, want %d: %q", len(got), len(want), got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 12: "12", 4.56: "4.6", 0.04: "0.0", 12.6: "13", 10_000: "10000"} {
		if got := count(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}
