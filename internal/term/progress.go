package term

import (
	"fmt"
	"io"
	"math"
	"time"
	"unicode/utf8"

	xterm "golang.org/x/term"
)

// redrawEvery keeps a fast loop from spending its time on the screen.
const redrawEvery = 100 * time.Millisecond

// patience is how long a step takes before its progress is shown: what is over at
// once needs none.
const patience = 500 * time.Millisecond

// Progress is one line on the terminal that shows how far a step that takes more than
// half a second has come, in bytes or in numbers of things. In a pipe, and on a quiet console, it
// draws nothing.
type Progress struct {
	console *Console
	what    string
	total   int64
	amount  func(float64) string // writes how much is done, and the rate
	bytes   bool                 // the total is shown in per cent as well
	width   int                  // columns of the terminal; 0 draws nothing
	now     func() time.Time

	// guarded by console.mu
	done         int64
	start, drawn time.Time
}

// Progress starts a progress line. total is the number of bytes to come, or
// zero if that is not known. Messages may be written while it is drawn.
func (c *Console) Progress(what string, total int64) *Progress {
	return c.progress(&Progress{what: what, total: total, amount: size, bytes: true})
}

// Count is [Console.Progress] of total things, which are shown by their number.
func (c *Console) Count(what string, total int64) *Progress {
	return c.progress(&Progress{what: what, total: total, amount: count})
}

func (c *Console) progress(p *Progress) *Progress {
	p.console, p.now = c, time.Now
	if err, ok := terminal(c.Err); ok && !c.Quiet && takesSequences(err) {
		p.width, _, _ = xterm.GetSize(int(err.Fd()))
	}
	p.start = p.now()
	return p
}

// Add reports that n more are done.
func (p *Progress) Add(n int64) {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	p.done += n
	now := p.now()
	if p.width == 0 || now.Sub(p.start) < patience || now.Sub(p.drawn) < redrawEvery {
		return
	}
	p.drawn = now
	line := p.console.Program + ": " + Printable(p.line(now))
	p.console.erase()
	_, _ = io.WriteString(p.console.Err, clip(line, p.width-1))
	p.console.drawn = true
}

// Done takes the line off the screen for good.
func (p *Progress) Done() {
	p.console.mu.Lock()
	defer p.console.mu.Unlock()
	p.width = 0
	p.console.erase()
}

// line is "what: 12.0 MB of 48.0 MB, 25%, 4.0 MB/s, 9s left", as far as known.
func (p *Progress) line(now time.Time) string {
	s := p.what + ": " + p.amount(float64(p.done))
	if p.total > 0 {
		s += " of " + p.amount(float64(p.total))
	}
	if p.total > 0 && p.bytes {
		s += fmt.Sprintf(", %d%%", 100*min(p.done, p.total)/p.total)
	}
	seconds := now.Sub(p.start).Seconds()
	if p.done <= 0 || seconds < 1 {
		return s
	}
	rate := float64(p.done) / seconds
	s += ", " + p.amount(rate) + "/s"
	if left := p.total - p.done; left > 0 {
		s += fmt.Sprintf(", %s left", time.Duration(float64(left)/rate*float64(time.Second)).Round(time.Second))
	}
	return s
}

// size writes a number of bytes with the decimal units of IEC 80000-13.
func size(n float64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", int64(n))
	}
	value, unit := n/1e3, 0
	for ; value >= 999.95 && unit < 3; unit++ {
		value /= 1e3
	}
	return fmt.Sprintf("%.1f %cB", value, "kMGT"[unit])
}

// count writes a number of things, and a low rate with a decimal.
func count(n float64) string {
	if n < 10 && n != math.Trunc(n) {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// clip cuts a line that would wrap, because only one row can be erased.
func clip(line string, width int) string {
	for utf8.RuneCountInString(line) > max(width, 0) {
		_, n := utf8.DecodeLastRuneInString(line)
		line = line[:len(line)-n]
	}
	return line
}
