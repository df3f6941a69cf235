//go:build linux

package ceremonytest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"byok/internal/ceremony"
)

// invocation reads "N PROGRAM WORD…".
func invocation(ts *testscript.TestScript, args []string) (status int, p process) {
	if len(args) < 3 {
		ts.Fatalf("a status, a program and its words are expected")
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	return status, processOf(ts, args[1:])
}

func processOf(ts *testscript.TestScript, args []string) process {
	s := of(ts)
	if _, known := s.kmdata[args[0]]; !known {
		ts.Fatalf("%s is neither of the two programs", args[0])
	}
	return process{program: args[0], words: s.expand(ts, args[1:]), env: s.env(ts, args[0]), dir: ts.MkAbs(".")}
}

// exits runs a program to its end and compares its status.
func exits(ts *testscript.TestScript, args []string) {
	status, p := invocation(ts, args)
	s := of(ts)
	before := s.events(p)
	o := s.run(p)
	s.print(ts, o)
	if o.status != status {
		ts.Fatalf("status %d, want %d", o.status, status)
	}
	ts.Check(o.checkMessages(p.program))
	ts.Check(s.checkRecorded(p, o, before))
}

// print hands what was printed to the script's cmp, stdout and stderr.
func (s *stage) print(ts *testscript.TestScript, o outcome) {
	names := []string{ts.Getenv("MODULE"), "$MODULE", ts.Getenv("SHIM"), "$SHIM", ts.Getenv("GENUINE"), "$GENUINE"}
	_, err := fmt.Fprint(ts.Stdout(), s.normal(o.out, names...))
	ts.Check(err)
	_, err = fmt.Fprint(ts.Stderr(), s.normal(o.err, names...))
	ts.Check(err)
}

// checkMessages holds stderr to the rules of output: every line begins with
// the program's name, and a failure has an error, which is followed by nothing
// but its hint. Two wrong files are two errors.
func (o outcome) checkMessages(program string) error {
	lines := strings.Split(strings.TrimSuffix(o.err, "\n"), "\n")
	if o.err == "" {
		lines = nil
	}
	failed := 0
	for i, line := range lines {
		text, ok := strings.CutPrefix(line, program+": ")
		if !ok {
			return fmt.Errorf("this line on stderr does not begin with %s: %q", program, line)
		}
		if strings.HasPrefix(text, "error: ") {
			failed++
		}
		if failed > 0 && !strings.HasPrefix(text, "error: ") && (i != len(lines)-1 || !strings.HasPrefix(text, "hint: ")) {
			return fmt.Errorf("behind the error comes %q", line)
		}
		if strings.HasSuffix(line, ".") {
			return fmt.Errorf("this line ends with a full stop: %q", line)
		}
	}
	if (o.status == 0) != (failed == 0) {
		return fmt.Errorf("status %d with %d errors", o.status, failed)
	}
	return nil
}

// events reads the log of p's kmdata folder as it is now.
func (s *stage) events(p process) []ceremony.Event {
	record, err := ceremony.Read(p.kmdata())
	if err != nil {
		return nil // no log yet; ceremony verify finds a bad one in the end
	}
	return record.Events
}

// kmdata is the folder of --kmdata, or of the last BYOK_KMDATA.
func (p process) kmdata() string {
	dir := ""
	for _, variable := range p.env {
		if value, found := strings.CutPrefix(variable, "BYOK_KMDATA="); found {
			dir = value
		}
	}
	if i := slices.Index(p.words, "--kmdata"); i >= 0 && i+1 < len(p.words) {
		dir = p.words[i+1]
	}
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(p.dir, dir)
	}
	return dir
}

// checkRecorded compares the events that p added to the log with what came of
// it. A command that only looks adds none; one whose command line cannot be
// read may not have got as far.
func (s *stage) checkRecorded(p process, o outcome, before []ceremony.Event) error {
	added := s.events(p)
	added = added[min(len(before), len(added)):]
	if looks := looks(p); len(added) == 0 || looks {
		if len(added) == 0 && (looks || o.status == 2 || strings.Contains(o.err, ": error: ceremony log ")) {
			return nil
		}
		return fmt.Errorf("the ceremony log has %d events of this command, which only looks: %t", len(added), looks)
	}
	end := added[len(added)-1]
	if added[0].Phase != ceremony.Begin || end.Phase != ceremony.End || end.Status != o.status {
		return fmt.Errorf("the ceremony log has these events of this command: %+v", added)
	}
	if said := said(o.err, "error: "); end.Error != said {
		return fmt.Errorf("the ceremony log says %q, stderr %q", end.Error, said)
	}
	return nil
}

// looks reports whether a command shows things and does nothing, so that no
// log is written.
func looks(p process) bool {
	if slices.Contains(p.words, "--help") || slices.Contains(p.words, "--version") || len(p.words) < 2 {
		return true
	}
	switch p.words[0] {
	case "inspect", "fingerprint", "confine", "kmfile", "audit", "login", "subscription", "vault", "rehearsal", "plan",
		"version", "completion", "manual":
		return true
	case "verify": // a proof, without a vault
		return slices.Contains(p.words, "--proof") && !slices.Contains(p.words, "--rehearsal")
	case "ceremony":
		return p.words[1] != "seal" && p.words[1] != "attest"
	}
	return slices.Contains([]string{
		"acl print", "key list", "key show", "module list", "world info", "kek show", "toolset list",
	}, p.words[0]+" "+p.words[1])
}

// refuses is exits, and nothing may have changed: no file, no object on the token.
func refuses(ts *testscript.TestScript, args []string) {
	s := of(ts)
	before := s.everything()
	exits(ts, args)
	if change := difference(before, s.everything()); change != "" {
		ts.Fatalf("this changed:\n%s", change)
	}
}

// signalled runs a program and sends it a signal as soon as a file is there.
func signalled(ts *testscript.TestScript, args []string) {
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	s, p, number := of(ts), processOf(ts, args[3:]), unix.SignalNum("SIG"+args[1])
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var out, messages strings.Builder
	cmd := p.command(ctx)
	cmd.Stdout, cmd.Stderr = &out, &messages
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	ts.Check(start(cmd))
	for !exists(ts.MkAbs(args[2])) && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
	ts.Check(cmd.Process.Signal(number))
	o := s.heard(p, cmd.Wait(), out.String(), messages.String())
	s.print(ts, o)
	if o.status != status {
		ts.Fatalf("status %d, want %d", o.status, status)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
