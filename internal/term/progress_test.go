package term

import (
	"bytes"
	"io"
	"os"
	"testing"
	"time"

	"github.com/creack/pty"
)

func TestProgressOnATerminal(t *testing.T) {
	const erased = "\r\x1b[K"
	for name, c := range map[string]struct {
		width uint16
		total int64
		steps func(c *Console, p *Progress, pass func(time.Duration))
		want  string
	}{
		"rate and time left": {80, 48_000_000, func(c *Console, p *Progress, pass func(time.Duration)) {
			p.Add(500_000) // at once: nothing is drawn
			pass(500 * time.Millisecond)
			p.Add(500_000)
			pass(2500 * time.Millisecond)
			p.Add(11_000_000)
			pass(50 * time.Millisecond)
			p.Add(1) // too soon to draw
			pass(9 * time.Second)
			p.Add(36_000_000)
			p.Done()
			p.Add(1)
			p.Done()
		}, "p: copying: 1.0 MB of 48.0 MB, 2%" +
			erased + "p: copying: 12.0 MB of 48.0 MB, 25%, 4.0 MB/s, 9s left" +
			erased + "p: copying: 48.0 MB of 48.0 MB, 100%, 4.0 MB/s" + erased},
		"total not known": {80, 0, func(c *Console, p *Progress, pass func(time.Duration)) {
			pass(2 * time.Second)
			p.Add(999)
			p.Done()
		}, "p: copying: 999 B, 499 B/s" + erased},
		"message in between": {80, 100, func(c *Console, p *Progress, pass func(time.Duration)) {
			pass(500 * time.Millisecond)
			p.Add(50)
			c.Warning("slow")
			c.Warning("still slow")
			pass(500 * time.Millisecond)
			p.Add(0)
			p.Done()
		}, "p: copying: 50 B of 100 B, 50%" + erased + "p: warning: slow\r\np: warning: still slow\r\n" +
			"p: copying: 50 B of 100 B, 50%, 50 B/s, 1s left" + erased},
		"narrow": {16, 100, func(c *Console, p *Progress, pass func(time.Duration)) {
			pass(500 * time.Millisecond)
			p.Add(50)
			p.Done()
		}, "p: copying: 50 " + erased},
		"quiet": {80, 100, func(c *Console, p *Progress, pass func(time.Duration)) {
			c.Quiet = true
			q := c.Progress("copying", 1)
			q.Add(1)
			q.Done()
		}, ""},
	} {
		master, slave, err := pty.Open()
		if err != nil {
			t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
		}
		if err := pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: c.width}); err != nil {
			t.Fatal(err)
		}
		console := &Console{Program: "p", Err: slave}
		p, pass := clocked(console, c.total)
		c.steps(console, p, pass)
		if got := shown(t, master, slave); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", name, got, c.want)
		}
	}
}

func TestProgressInAPipe(t *testing.T) {
	var e bytes.Buffer
	c := &Console{Program: "p", Err: &e}
	p, pass := clocked(c, 100)
	p.Add(50)
	pass(time.Minute)
	p.Add(50)
	c.Say("copied")
	p.Done()
	if e.String() != "p: copied\n" {
		t.Errorf("%q", e.String())
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB", 1_500_000_000: "1.5 GB",
		2_000_000_000_000: "2.0 TB", 5_000_000_000_000_000: "5000.0 TB",
	} {
		if got := size(float64(n)); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// clocked starts a progress whose clock moves only when it is told to.
func clocked(c *Console, total int64) (p *Progress, pass func(time.Duration)) {
	now := time.Unix(0, 0)
	p = c.Progress("copying", total)
	p.now = func() time.Time { return now }
	p.start = now
	return p, func(d time.Duration) { now = now.Add(d) }
}

// shown closes the terminal and returns all that was written to it.
func shown(t *testing.T, master, slave *os.File) string {
	t.Helper()
	defer master.Close()
	const end = "<end>"
	if _, err := io.WriteString(slave, end); err != nil {
		t.Fatal(err)
	}
	var screen []byte
	buf := make([]byte, 4096)
	for !bytes.HasSuffix(screen, []byte(end)) {
		n, err := master.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		screen = append(screen, buf[:n]...)
	}
	slave.Close()
	return string(bytes.TrimSuffix(screen, []byte(end)))
}
