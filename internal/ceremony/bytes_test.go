package ceremony

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// TestEveryBit flips each bit of a log in turn. The chain must show every one
// but in the last line, which nothing follows: there a noted head must.
func TestEveryBit(t *testing.T) {
	dir := newLog(t, 4)
	whole, head := content(t, dir), read(t, dir).Head
	last := strings.LastIndex(strings.TrimSuffix(whole, "\n"), "\n") // line end before the last line
	chained, caught := 0, 0
	lastLine, refused, warned, unseen, headShows := 0, 0, 0, 0, 0
	for i := range whole {
		for bit := range 8 {
			flipped := []byte(whole)
			flipped[i] ^= 1 << bit
			r, err := Parse("log", flipped)
			if err != nil && exitcode.Of(err) != exitcode.Check {
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			}
			if i <= last {
				chained++
				if err != nil {
					caught++
				} else {
					t.Errorf("byte %d, bit %d (%q) is not caught", i, bit, whole[i])
				}
				continue
			}
			lastLine++
			switch {
			case err != nil:
				refused++
			case len(r.Warnings) > 0:
				warned++
			default:
				unseen++
			}
			if err == nil && r.Head != head {
				headShows++
			}
		}
	}
	t.Logf("in the lines before the last: %d of %d caught", caught, chained)
	t.Logf("in the last line: %d flips, %d refused, %d warned of, %d another good event", lastLine, refused,
		warned, unseen)
	t.Logf("of those not refused, %d of %d show against a noted head", headShows, warned+unseen)
	if headShows != warned+unseen {
		t.Error("a flip in the last line shows neither by itself nor against the head")
	}
}

// TestEveryCut shortens a log to each length. A chain cannot show that its end
// is missing, but the rest of a line must never pass in silence.
func TestEveryCut(t *testing.T) {
	dir := newLog(t, 4)
	whole, head := content(t, dir), read(t, dir).Head
	warned, silent := 0, 0
	for n := range len(whole) {
		r, err := Parse("log", []byte(whole[:n]))
		if err != nil {
			t.Fatal(err)
		}
		torn := 0
		for _, w := range r.Warnings {
			if strings.HasSuffix(w, "was cut short while it was written; the chain continues across it") {
				torn++
			}
		}
		atLineEnd := n == 0 || whole[n-1] == '\n'
		if (torn == 1) == atLineEnd {
			t.Errorf("cut to %d bytes: %d warnings of a torn line", n, torn)
		}
		if atLineEnd {
			silent++
		} else {
			warned++
		}
		if n < len(whole)-1 && r.Head == head {
			t.Errorf("cut to %d bytes: the head is the same", n)
		}
	}
	t.Logf("%d cuts: %d warned of, %d at a line's end, which only a noted head shows", len(whole), warned, silent)
}
