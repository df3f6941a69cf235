package command_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
)

// ceremonyLog writes a log of three commands: one done, one failed, one killed.
func ceremonyLog(t *testing.T, dir string) (log string) {
	t.Helper()
	l, err := ceremony.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	base := ceremony.Event{Program: "byok-offline", Version: "1.0.0", Operator: "alice@vault-room", Phase: ceremony.Begin}
	begin := func(command string) ceremony.Event { e := base; e.Command = command; return e }
	end := func(command string, ends int, result string, status int) ceremony.Event {
		e := begin(command)
		e.Phase, e.Ends, e.Result, e.Status = ceremony.End, ends, result, status
		return e
	}
	done := end("world create", 1, ceremony.Success, 0)
	done.Module = &ceremony.Module{Library: "/lib/pkcs11.so", Serial: "0123\x1b[2J"}
	for i, e := range []ceremony.Event{
		begin("world create"), done, begin("fingerprint"), end("fingerprint", 3, ceremony.Failure, 2), begin("package"),
	} {
		e.Time = time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC)
		if _, err := l.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "local", ceremony.FileName)
}

const killed = "byok-test: warning: line 5: byok-offline package has no end: killed, or still running\n"

// TestCeremonyLog: a line an event, and reading adds none.
func TestCeremonyLog(t *testing.T) {
	dir := kmdata(t)
	log := ceremonyLog(t, dir)
	before, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "log", run(t, program(given), "ceremony", "log"), answer{0, lines(
		`#  TIME                  PROGRAM       COMMAND       RESULT   STATUS  MODULE       BY`,
		`2  2026-01-02T03:04:01Z  byok-offline  world create  SUCCESS  0       0123\x1b[2J  alice@vault-room`,
		`4  2026-01-02T03:04:03Z  byok-offline  fingerprint   FAILURE  2       -            alice@vault-room`,
		`Result: SUCCESS`), killed})

	head := fingerprint.Of([]byte(string(before)[strings.LastIndex(strings.TrimSpace(string(before)), "\n")+1 : len(before)-1]))
	wantAnswer(t, "verify", run(t, program(given), "ceremony", "verify"), answer{0, lines(
		log+": 5 events, every line carries the hash of the one before", "head "+head.Groups(), "Result: SUCCESS"), killed})
	wantAnswer(t, "verify as JSON", run(t, program(given), "ceremony", "verify", "--output=json"), answer{0, lines(
		`{`, `  "command": "ceremony verify",`, `  "result": "SUCCESS",`, `  "status": 0,`, `  "data": {`, `    "log": "`+log+`",`, `    "events": 5,`,
		`    "head": "`+head.String()+`",`, `    "warnings": [`, `      "line 5: byok-offline package has no end: killed, or still running"`, `    ]`, `  }`, `}`), killed})

	got := run(t, program(given), "ceremony", "log", "--output=json")
	got.out = strings.ReplaceAll(got.out, dir, "DIR")
	golden(t, "ceremony-log.json", regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(got.out, "HASH"))
	wantAnswer(t, "log as JSON", got, answer{0, got.out, killed})

	after, err := os.ReadFile(log)
	if err != nil || string(after) != string(before) {
		t.Errorf("reading changed the log (%v)", err)
	}
}

// TestCeremonyFaults: both commands name the fault, and show what is good
// before it.
func TestCeremonyFaults(t *testing.T) {
	dir := kmdata(t)
	log := ceremonyLog(t, dir)
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	write(t, log, strings.Replace(string(data), "FAILURE", "SUCCESS", 1))
	for _, name := range []string{"log", "verify"} {
		wantAnswer(t, name, run(t, program(given), "ceremony", name), answer{3, lines(
			`#  TIME                  PROGRAM       COMMAND       RESULT   STATUS  MODULE       BY`,
			`2  2026-01-02T03:04:01Z  byok-offline  world create  SUCCESS  0       0123\x1b[2J  alice@vault-room`,
			`4  2026-01-02T03:04:03Z  byok-offline  fingerprint   SUCCESS  2       -            alice@vault-room`,
			`Result: FAILURE`), "byok-test: error: " + log + ": line 5: does not carry the hash of line 4: the record was altered there or before\n"})
	}
	write(t, log, "{}\n")
	wantAnswer(t, "first line", run(t, program(given), "ceremony", "verify"), answer{3, "Result: FAILURE\n",
		"byok-test: error: " + log + ": line 1: field phase: expected \"begin\" or \"end\"\n"})
	write(t, log, "")
	wantAnswer(t, "empty", run(t, program(given), "ceremony", "verify"), answer{0, lines(
		log+": 0 events, every line carries the hash of the one before", "head "+fingerprint.Sum{}.Groups(), "Result: SUCCESS"),
		"byok-test: warning: the log has no events\n"})
	wantAnswer(t, "stray word", run(t, program(given), "ceremony", "log", "x"), answer{2, "Result: FAILURE\n",
		lines(`byok-test: error: ceremony log: "x" belongs to no option`, "byok-test: hint: byok-test ceremony log --help")})

	dir = kmdata(t)
	missing := lines(fmt.Sprintf("byok-test: error: %s/local/ceremony.jsonl: no ceremony log there", dir), "byok-test: hint: name the folder with --kmdata")
	for _, name := range []string{"log", "verify"} {
		wantAnswer(t, name, run(t, program(given), "ceremony", name), answer{2, "Result: FAILURE\n", missing})
	}
	wantUntouched(t, "no log", dir)
}

// TestCeremonyOfCommands: what commands leave behind verifies.
func TestCeremonyOfCommands(t *testing.T) {
	kmdata(t)
	run(t, program(given), "change", "F")
	run(t, program(failing(os.ErrInvalid)), "look")
	got := run(t, program(given), "ceremony", "verify")
	if got.status != 0 || got.err != "" || !strings.Contains(got.out, ": 4 events,") {
		t.Errorf("%+v", got)
	}
}
