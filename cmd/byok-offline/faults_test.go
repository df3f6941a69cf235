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

// faultVariable is set to "all" to try every fault point instead of a sample:
//
//	BYOK_FAULTS=all go test -v -timeout 6h -run TestFaults ./cmd/byok-offline
//
// One point alone: BYOK_FAULTS=all go test -run 'TestFaults/package/kill/17_' ./cmd/byok-offline
const faultVariable = "BYOK_FAULTS"

// subject is a command that must survive every fault: what has been run
// before it, and its command line.
type subject struct {
	name    string
	before  []string // names of the subjects that come first
	args    string
	blanked bool // the token is taken away first
}

// subjects are in the order of a ceremony.
func subjects() []subject {
	const pin, two = " --pin-file secrets/pin", " --card card1 --card card2 --card-pin-file secrets/card1 --card-pin-file secrets/card2"
	const packages = " -k KEKPKG -w SWPKG --accept-unattested --fingerprint KEKSUM"
	created, generated := []string{"world create"}, []string{"world create", "key generate"}
	return []subject{
		{name: "world create", args: "--label fault --acs-quorum 2/2 --rehearsal --holder Alice --holder Bob" + pin + two},
		{name: "key generate", before: created, args: "--ident contosokey --type EC --curve P-256" + pin},
		{name: "acl modify", before: generated, args: "--ident contosokey" + packages + pin + two},
		{name: "package", before: append(slices.Clip(generated), "acl modify"), args: "--ident contosokey" + packages + pin +
			" --subscription-id 00000000-0000-0000-0000-000000000000 --key-friendly-name Contoso --out out"},
		{name: "world recover", before: generated, blanked: true, args: two + pin},
		{name: "world replace-cards", before: generated, args: two + pin + " --acs-quorum 2/2 --new-holder Carol --new-holder Dave" +
			" --new-card card3 --new-card card4 --new-card-pin-file secrets/card3 --new-card-pin-file secrets/card4"},
		{name: "key retire", before: generated, args: "--ident contosokey --really-destroy contosokey" + pin},
		{name: "key restore", before: append(slices.Clip(generated), "key retire"), args: "--ident contosokey" + two + pin},
	}
}

// mode is one way for the n-th PKCS#11 call to go wrong.
type mode struct {
	name, do string
	lasting  bool // every later call too
	killed   bool
}

func modes() []mode {
	return []mode{
		{name: "fail", do: "fail=0x30"},                // CKR_DEVICE_ERROR
		{name: "lost", do: "fail-after=0x30"},          // done, and the answer lost
		{name: "dead", do: "fail=0x32", lasting: true}, // CKR_DEVICE_REMOVED
		{name: "kill", do: "kill", killed: true},
	}
}

// TestFaults has every PKCS#11 call of every command fail once, before and
// after the token has done it, be the one from which on the HSM is gone, and be
// the one at which the process is killed: the command says what went wrong, and
// running it again leads to where it would have led undisturbed.
func TestFaults(t *testing.T) {
	r := newRig(t)
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			c := r.prepare(t, s)
			calls := r.undisturbed(t, &c)
			for i, m := range modes() {
				tried := &tally{}
				t.Run(m.name, func(t *testing.T) {
					for _, n := range sample(calls, i, m) {
						t.Run(fmt.Sprintf("%d_%s", n, calls[n-1]), func(t *testing.T) {
							t.Parallel()
							defer tried.count(t)
							r.survives(t, c, m, n, tried)
						})
					}
				})
				fmt.Printf("%s: %s: %v (of %d calls)\n", s.name, m.name, tried, len(calls))
			}
		})
	}
}

// tally counts what survived: of those, the runs that ended well in spite of
// the fault, and those that had done everything when they were cut off.
type tally struct{ tried, survived, unharmed, complete atomic.Int64 }

func (y *tally) count(t *testing.T) {
	y.tried.Add(1)
	if !t.Failed() {
		y.survived.Add(1)
	}
}

func (y *tally) String() string {
	return fmt.Sprintf("%d of %d survived (%d unharmed, %d complete)", y.survived.Load(), y.tried.Load(), y.unharmed.Load(), y.complete.Load())
}

// sample chooses the calls to disturb in the i-th mode: all of them, or one
// call of each function, which the modes share out among themselves. The
// process is killed at the last call of a function, the others fail at its
// first, so that both ends of the command are tried.
func sample(calls []string, i int, m mode) (points []int) {
	var functions []string
	chosen := map[string]int{}
	for at, name := range calls {
		if _, seen := chosen[name]; !seen {
			functions = append(functions, name)
		}
		if _, seen := chosen[name]; !seen || m.killed {
			chosen[name] = at + 1
		}
	}
	for at, name := range calls {
		mine := slices.Index(functions, name)%len(modes()) == i && chosen[name] == at+1
		if os.Getenv(faultVariable) == "all" || mine {
			points = append(points, at+1)
		}
	}
	return points
}

// survives disturbs call n, and runs the command again if it has not ended well.
func (r *rig) survives(t *testing.T, c ceremonyCase, m mode, n int, y *tally) {
	dir := r.copyOf(t, c.dir)
	at := "SHIM_AT=" + strconv.Itoa(n)
	if m.lasting {
		at += "+"
	}
	first := r.run(t, dir, c.subject, at, "SHIM_DO="+m.do)
	if first.killed != m.killed {
		t.Fatalf("killed: %t\n%s", first.killed, first.text)
	}
	if !first.killed {
		first.oneClearLine(t, exitcode.HSM)
	}
	r.endsWell(t, c, dir, first, y)
}

// endsWell runs the command again if it has not ended well, and compares
// everything that is left with what an undisturbed run leaves. A second run
// may be refused only because the first had done everything there was to do.
func (r *rig) endsWell(t *testing.T, c ceremonyCase, dir string, first outcome, y *tally) {
	t.Helper()
	told := "first run:\n" + first.text
	if !first.killed && first.status == exitcode.Done {
		y.unharmed.Add(1)
		t.Log("unharmed")
	} else {
		second := r.run(t, dir, c.subject)
		told += "second run:\n" + second.text
		if second.status == exitcode.Refused {
			y.complete.Add(1)
		} else if second.status != exitcode.Done {
			t.Fatalf("status %d of the second run\n%s", second.status, told)
		}
	}
	if diff := differences(r.state(t, dir), c.want); diff != "" {
		t.Errorf("%s%s", diff, told)
	}
}

func differences(got, want []string) (diff string) {
	for _, line := range got {
		if !slices.Contains(want, line) {
			diff += "left behind: " + line + "\n"
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			diff += "missing: " + line + "\n"
		}
	}
	return diff
}
