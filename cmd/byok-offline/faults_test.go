package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"

	"byok/internal/exitcode"
)

// faultVariable is set to "all" to try every fault, or to a number to try so
// many of each command, as far apart as can be. Without it one is tried.
//
//	BYOK_FAULTS=all go test -v -timeout 12h -run TestFaults ./cmd/byok-offline
//
// One alone: BYOK_FAULTS=all go test -run 'TestFaults/package/at/17_C_Sign_killed$' ./cmd/byok-offline
const faultVariable = "BYOK_FAULTS"

// disturbance is one fault at one point of a command.
type disturbance struct {
	point
	fault
}

// TestFaults disturbs every command that changes token, files or cards: each
// PKCS#11 call fails, does its work and loses the answer, finds the device gone
// from there on, or is where the process is killed, before and after; each
// system call that changes a file fails, or is where the process is killed. The
// command says what went wrong; the same command, run again, ends well; and
// then the world is as an undisturbed run leaves it.
func TestFaults(t *testing.T) {
	r := newRepertoire(t)
	for i, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			c := newTrial(t, r, s)
			all, tried := c.disturbances(t, i), &tally{}
			t.Run("at", func(t *testing.T) {
				for _, d := range all {
					t.Run(fmt.Sprintf("%d_%s_%s", d.nth, d.call, d.name), func(t *testing.T) {
						t.Parallel()
						defer tried.count(t)
						c.survives(t, d, tried)
					})
				}
			})
			fmt.Printf("%s: %v (%d PKCS#11 calls, at most %d)\n", s.name, tried, len(c.calls), callBounds()[s.name])
		})
	}
}

// trial is a subject about to run, the PKCS#11 calls that it makes, and what it
// leaves when nothing goes wrong.
type trial struct {
	subject
	stage *stage
	line  string
	calls []point
	want  []string
}

func newTrial(t *testing.T, r *repertoire, s subject) *trial {
	t.Helper()
	c := &trial{subject: s, stage: r.before(s)}
	c.line = c.stage.filled(t, s.line)
	on := c.stage.copied(t)
	c.calls = on.callPoints(t, c.line)
	if n, bound := len(c.calls), callBounds()[s.name]; n > bound {
		t.Errorf("%s makes %d PKCS#11 calls, and %d are the bound", s.name, n, bound)
	}
	c.settled(t, on)
	c.want = on.shape(t)
	return c
}

// settled checks a stage on which the subject has ended well.
func (c *trial) settled(t testing.TB, on *stage) {
	t.Helper()
	if c.finish != "" {
		on.must(t, on.filled(t, c.finish))
	}
	on.sound(t, c.subject)
}

// disturbances lists every fault at every point, or some of them. Where one is
// asked for it is in turn of a PKCS#11 call and of a file.
func (c *trial) disturbances(t *testing.T, turn int) (list []disturbance) {
	t.Helper()
	asked := os.Getenv(faultVariable)
	if asked != "" || turn%2 != 0 {
		for i, p := range c.calls {
			for j := range callFaults() { // so that neighbours begin with another one
				list = append(list, disturbance{p, callFaults()[(i+j)%len(callFaults())]})
			}
		}
	}
	if asked != "" || len(list) == 0 {
		for _, p := range c.stage.copied(t).filePoints(t, c.line) {
			for _, f := range fileFaults(p.call) {
				list = append(list, disturbance{p, f})
			}
		}
	}
	if asked == "all" {
		return list
	}
	n, err := strconv.Atoi(asked)
	if asked != "" && (err != nil || n < 1) {
		t.Fatalf("%s=%s: expected all or a number", faultVariable, asked)
	}
	return spread(list, max(n, 1))
}

// spread chooses n of a list, as far apart as can be.
func spread(list []disturbance, n int) (some []disturbance) {
	n = min(n, len(list))
	for i := range n {
		some = append(some, list[(2*i+1)*len(list)/(2*n)])
	}
	return some
}

// tally counts what survived: of those, the runs that ended well in spite of
// the fault, and those that had done everything when they were cut off. missed
// are faults at a write that no file of the ceremony met.
type tally struct{ tried, survived, unharmed, complete, missed atomic.Int64 }

func (y *tally) count(t *testing.T) {
	y.tried.Add(1)
	if !t.Failed() {
		y.survived.Add(1)
	}
}

func (y *tally) String() string {
	return fmt.Sprintf("%d of %d survived: %d unharmed, %d complete, %d not met", y.survived.Load(), y.tried.Load(),
		y.unharmed.Load(), y.complete.Load(), y.missed.Load())
}

// patience is how often a file fault is tried again that met another step.
const patience = 5

// survives disturbs the command, and runs it again.
func (c *trial) survives(t *testing.T, d disturbance, y *tally) {
	for range patience {
		on := c.stage.copied(t)
		first, hit := on.disturbed(t, c.line, d.point, d.fault)
		first.text = fmt.Sprintf("%s %s: %s\n%s", d.call, d.path, d.fault.name, first.text)
		if !hit {
			continue
		}
		if !d.killed || !d.file { // under strace no supervisor says it
			first.oneClearLine(t, d.status)
		}
		c.endsWell(t, on, first, y)
		return
	}
	if d.call != "write" {
		t.Fatalf("%s %d was not met in %d runs", d.call, d.nth, patience)
	}
	y.missed.Add(1)
}

// endsWell runs the command again if it did not end well, and looks at what is
// left. The second run may end otherwise only because the first had done
// everything there was to do, except perhaps for the token's anchor: then a
// quorum seals, as the program says.
func (c *trial) endsWell(t *testing.T, on *stage, first ending, y *tally) {
	t.Helper()
	said, want := "first run:\n"+first.text, c.want
	if !first.killed && first.status == exitcode.Done {
		y.unharmed.Add(1)
	} else {
		second := on.run(t, c.line)
		said += "second run:\n" + second.text
		switch {
		case second.killed || second.status != exitcode.Done && second.status != c.again:
			t.Fatalf("status %d of the second run\n%s", second.status, said)
		case second.status != exitcode.Done:
			y.complete.Add(1)
			want = c.anchored(t, on)
		}
	}
	defer func() {
		if t.Failed() {
			t.Log(said)
		}
	}()
	c.settled(t, on)
	for _, problem := range differences(on.shape(t), want) {
		t.Error(problem)
	}
}

// anchored has a quorum seal if the token lacks the anchor, and returns the
// files that are then wanted.
func (c *trial) anchored(t *testing.T, on *stage) []string {
	t.Helper()
	pin, cards := c.inForce()
	if c.noWorld || slices.Contains(on.objects(t, on.text(t, pin)), "trusted public anchor (1)") {
		return c.want
	}
	on.must(t, on.filled(t, "ceremony seal $LAST --pin-file "+pin+cards))
	const seal = "kmdata/local/statements/…seal"
	return append(slices.Clone(c.want), seal+".json", seal+".sig")
}
