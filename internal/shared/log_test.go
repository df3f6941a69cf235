package shared_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"byok/internal/ceremony"
	"byok/internal/fingerprint"
	"byok/internal/statement"
	"byok/internal/testkit/softworld"
)

// recorder writes a log, second by second.
type recorder struct {
	t   *testing.T
	dir string
	log *ceremony.Log
	at  time.Time
}

func newRecorder(t *testing.T, dir string) *recorder {
	t.Helper()
	log, err := ceremony.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &recorder{t, dir, log, time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)}
}

// event is the next event of a command.
func (r *recorder) event(command string) ceremony.Event {
	e := ceremony.Event{
		Time:     r.at,
		Program:  "byok-offline",
		Version:  "1.0.0",
		Command:  command,
		Phase:    ceremony.Begin,
		Operator: "alice@vault-room",
	}
	r.at = r.at.Add(time.Second)
	return e
}

func (r *recorder) append(e ceremony.Event) int {
	r.t.Helper()
	a, err := r.log.Append(e)
	if err != nil {
		r.t.Fatal(err)
	}
	return a.Lines
}

func (r *recorder) begin(command string) int { return r.append(r.event(command)) }

func (r *recorder) end(command string, began int, change ...func(*ceremony.Event)) {
	e := r.event(command)
	e.Phase, e.Began, e.Result = ceremony.End, began, ceremony.Success
	for _, c := range change {
		c(&e)
	}
	r.append(e)
}

// head is the log's head, for a statement.
func (r *recorder) head() statement.LogHead {
	h, err := r.log.Head()
	if err != nil {
		r.t.Fatal(err)
	}
	return statement.LogHead(h)
}

// plainLog is a log without a world: one command done, one failed, one killed.
func plainLog(t *testing.T, dir string) (path string) {
	t.Helper()
	r := newRecorder(t, dir)
	r.end("toolset install", r.begin("toolset install"), func(e *ceremony.Event) {
		e.Module = &ceremony.Module{Library: "/lib/pkcs11.so", Serial: "0123\x1b[2J"}
		e.AddNote("KEK compared", "by Alice")
	})
	r.end("verify", r.begin("verify"), func(e *ceremony.Event) {
		e.Result, e.Status, e.Error = ceremony.Failure, 2, "no such file"
		e.Rehearsal = true
		e.Arguments = []string{"--ident=contosokey", "--card=/media/one", "--card=/media/two",
			"--card=/media/three", "--pin-file=/run/pin"}
		e.AddOutput("key_simple_contosokey", fingerprint.Sum{1})
	})
	r.begin("package")
	return ceremony.Path(dir)
}

const killed = "byok-test: warning: line 5: byok-offline package has no end: killed, or still running\n"

const table = `#  TIME                  COMMAND          RESULT   BY
2  2026-01-02T03:04:01Z  toolset install  SUCCESS  alice@vault-room
   byok-offline 1.0.0, module 0123\x1b[2J
   KEK compared: by Alice
4  2026-01-02T03:04:03Z  verify           %s  alice@vault-room
   byok-offline 1.0.0, rehearsal
   --ident=contosokey --card=/media/one --card=/media/two --card=/media/three
     --pin-file=/run/pin
   wrote key_simple_contosokey
   status 2: no such file
`

// TestCeremonyLog: an event per line, and reading adds none.
func TestCeremonyLog(t *testing.T) {
	dir := kmdataDir(t)
	log := plainLog(t, dir)
	before := read(t, log)
	wantAnswer(t, "log", run(t, "ceremony", "log"), answer{0, fmt.Sprintf(table, "FAILURE") +
		"Result: SUCCESS\n", killed})

	last := before[strings.LastIndex(strings.TrimSpace(before), "\n")+1 : len(before)-1]
	head := fingerprint.Of([]byte(last))
	wantAnswer(t, "verify", run(t, "ceremony", "verify"), answer{0, lines(log,
		"5 events; every line carries the hash of the one before", "head of 5 lines", head.Groups(),
		strings.Join(head.Rows(), "\n"), "Result: SUCCESS"), killed})
	wantAnswer(t, "verify as JSON", run(t, "ceremony", "verify", "--output=json"), answer{0, lines(
		`{`, `  "command": "ceremony verify",`, `  "result": "SUCCESS",`, `  "status": 0,`, `  "data": {`,
		`    "log": "`+log+`",`, `    "events": 5,`, `    "head": {`, `      "lines": 5,`,
		`      "sha256": "`+head.String()+`"`, `    },`, `    "warnings": [`,
		`      "line 5: byok-offline package has no end: killed, or still running"`, `    ]`, `  }`, `}`), killed})

	got := run(t, "ceremony", "log", "--output=json")
	got.out = strings.ReplaceAll(got.out, dir, "DIR")
	golden(t, "ceremony-log.json", regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(got.out, "HASH"))
	wantAnswer(t, "log as JSON", got, answer{0, got.out, killed})
	if read(t, log) != before {
		t.Error("reading changed the log")
	}
}

const keep = "byok-test: hint: keep this kmdata folder as it is, and compare its log with that of another copy\n"

// TestCeremonyFaults: both commands name the fault, and show what is good
// before it.
func TestCeremonyFaults(t *testing.T) {
	dir := kmdataDir(t)
	log := plainLog(t, dir)
	write(t, log, strings.Replace(read(t, log), "FAILURE", "SUCCESS", 1))
	for _, name := range []string{"log", "verify"} {
		wantAnswer(t, name, run(t, "ceremony", name), answer{3, fmt.Sprintf(table, "SUCCESS") + "Result: FAILURE\n",
			"byok-test: error: " + log + ": line 5: does not carry the hash of line 4; the log was altered " +
				"there or before\n" + keep})
	}
	write(t, log, "{}\n")
	wantAnswer(t, "first line", run(t, "ceremony", "verify"), answer{3, "Result: FAILURE\n",
		"byok-test: error: " + log + ": line 1: numbered 0; a line was removed or added\n" + keep})
	write(t, log, "")
	wantAnswer(t, "empty", run(t, "ceremony", "verify"), answer{0, lines(log,
		"0 events; every line carries the hash of the one before", "head of 0 lines", fingerprint.Sum{}.Groups(),
		strings.Join(fingerprint.Sum{}.Rows(), "\n"), "Result: SUCCESS"),
		"byok-test: warning: the log has no events\n"})
	wantAnswer(t, "stray word", run(t, "ceremony", "log", "x"), answer{2, "Result: FAILURE\n",
		lines(`byok-test: error: ceremony log: unexpected argument "x"`,
			"byok-test: hint: byok-test ceremony log --help")})

	dir = kmdataDir(t)
	missing := lines("byok-test: error: "+ceremony.Path(dir)+": no ceremony log there",
		"byok-test: hint: name the folder with --kmdata")
	for _, name := range []string{"log", "verify"} {
		wantAnswer(t, name, run(t, "ceremony", name), answer{2, "Result: FAILURE\n", missing})
	}
	wantUntouched(t, "no log", dir)
}

// world is a kmdata folder with a world of two statements, another statement
// behind a further command, and a module's seal.
func world(t *testing.T, dir string) *softworld.World {
	t.Helper()
	r := newRecorder(t, dir)
	r.end("toolset install", r.begin("toolset install"))
	create := r.begin("world create")
	w, err := softworld.New(dir, softworld.Options{Log: r.head})
	if err != nil {
		t.Fatal(err)
	}
	r.end("world create", create)
	modify := r.begin("acl modify")
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	r.seal(w, modify, func(*ceremony.Seal) {})
	r.end("acl modify", modify)
	return w
}

// seal has the module of a world sign the log.
func (r *recorder) seal(w *softworld.World, began int, change func(*ceremony.Seal)) {
	r.t.Helper()
	e := r.event("acl modify")
	e.Began = began
	_, err := r.log.Seal(e, func(h ceremony.Head) (ceremony.Seal, error) {
		kml := w.KML[w.Module()]
		s := ceremony.Seal{Module: w.Module(), KML: kml.Sum()}
		var err error
		s.Signature, err = kml.Sign(h.Text())
		change(&s)
		return s, err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// TestCeremonyOfAWorld: the log is held to the statements, and shows what ran
// before the world was created.
func TestCeremonyOfAWorld(t *testing.T) {
	dir := kmdataDir(t)
	world(t, dir)
	log := ceremony.Path(dir)
	r, err := ceremony.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "verify", run(t, "ceremony", "verify"), answer{0, lines(log,
		"7 events; every line carries the hash of the one before",
		"world Contoso: the log contains the head of each of its 3 statements",
		"1 seal by a module of this world",
		"before world create: line 1: byok-offline toolset install",
		"head of 7 lines", r.Head.SHA256.Groups(), strings.Join(r.Head.SHA256.Rows(), "\n"), "Result: SUCCESS"), ""})
	got := run(t, "ceremony", "log")
	if got.status != 0 || !strings.Contains(got.out,
		"\n6  2026-01-02T03:04:05Z  acl modify       seal     alice@vault-room\n   byok-offline 1.0.0\n   "+
			"sealed by module ") {
		t.Errorf("log: %+v", got)
	}
}

// TestCeremonyAgainstTheWorld: a log that does not contain what the statements
// were signed over fails, and so does a world that does not verify.
func TestCeremonyAgainstTheWorld(t *testing.T) {
	dir := kmdataDir(t)
	w := world(t, dir)
	log := ceremony.Path(dir)
	whole := read(t, log)
	all := strings.SplitAfter(whole, "\n")
	for _, c := range []struct{ name, log, want string }{
		{"emptied", "", "empty, but statement 1 was signed over 3 lines; the log was emptied"},
		{"zeroed", strings.Repeat("\x00", len(whole)),
			"nothing but zero bytes; the record was overwritten, or its medium lost it"},
		{"cut", strings.Join(all[:4], ""), "ends with line 4, but statement 3 was signed over 5 lines; its end " +
			"was cut off, or this is an older copy"},
	} {
		write(t, log, c.log)
		got := run(t, "ceremony", "verify")
		want := "byok-test: error: " + log + ": " + c.want + "\n"
		if got.status != 3 || !strings.Contains(got.err, want) {
			t.Errorf("%s: status %d\n got %s\nwant %s", c.name, got.status, got.err, want)
		}
	}
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, "missing", run(t, "ceremony", "verify"), answer{3, "Result: FAILURE\n",
		"byok-test: error: " + log + ": missing, but statement 3 was signed over 5 lines of it\n" + keep})

	write(t, log, whole)
	path := w.Chain.Entries()[2].Path
	write(t, path, strings.Replace(read(t, path), "byok-seal", "byok-sael", 1))
	got := run(t, "ceremony", "verify")
	if got.status != 3 || !strings.HasPrefix(got.out, "#  TIME") || !strings.HasSuffix(got.out, "Result: FAILURE\n") {
		t.Errorf("a statement was altered: %+v", got)
	}
}

// TestSeals: only a module that a statement certifies can seal.
func TestSeals(t *testing.T) {
	other, err := softworld.NewSigner()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func(*ceremony.Seal)
		want   string
	}{
		{"another module", func(s *ceremony.Seal) { s.Module = "00" },
			"no statement certifies the module signing key that made it"},
		{"another KML", func(s *ceremony.Seal) { s.KML = other.Sum() },
			"no statement certifies the module signing key that made it"},
		{"another signature", func(s *ceremony.Seal) { s.Signature, _ = other.Sign([]byte("x")) },
			"the signature does not belong to this content and this public key"},
	} {
		dir := kmdataDir(t)
		w := world(t, dir)
		r := newRecorder(t, dir)
		r.at = r.at.Add(time.Minute)
		r.seal(w, r.begin("acl modify"), c.change)
		got := run(t, "ceremony", "verify")
		want := "byok-test: error: " + ceremony.Path(dir) + ": line 9: the seal does not hold: " + c.want + "\n"
		if got.status != 3 || !strings.Contains(got.err, want) {
			t.Errorf("%s: status %d\n got %s\nwant %s", c.name, got.status, got.err, want)
		}
	}

	dir := kmdataDir(t)
	w := world(t, t.TempDir())
	r := newRecorder(t, dir)
	r.seal(w, r.begin("acl modify"), func(*ceremony.Seal) {})
	got := run(t, "ceremony", "verify")
	want := "byok-test: error: " + ceremony.Path(dir) +
		": line 2: the seal does not hold: there is no security world here that certifies its module\n"
	if got.status != 3 || !strings.Contains(got.err, want) {
		t.Errorf("no world: status %d\n got %s\nwant %s", got.status, got.err, want)
	}
}
