package shared_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/urfave/cli/v2"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/script"
	"byok/internal/shared"
	"byok/internal/term"
)

// program has the commands by which a ceremony is held at the disconnected
// workstation.
func program(in io.Reader, out, errs io.Writer) (*command.Program, *term.Console) {
	console := &term.Console{Program: "byok-test", In: in, Out: out, Err: errs}
	p := &command.Program{Name: "byok-test", Version: "1.2.3", Console: console}
	group := shared.Ceremony(p)
	network := &cli.BoolFlag{Name: "hsm-network"}
	group.Subcommands = append(group.Subcommands, shared.Held(p, script.Disconnected, nil, network)...)
	p.Commands = []*cli.Command{group, shared.Kit(p, shared.KitsIn())}
	return p, console
}

// holding runs the program without a terminal.
func holding(t *testing.T, args ...string) answer {
	t.Helper()
	var out, errs strings.Builder
	p, _ := program(strings.NewReader(""), &out, &errs)
	status := p.Main(context.Background(), append([]string{"ceremony"}, args...))
	return answer{status, out.String(), errs.String()}
}

// planFile is a plan's file, and its SHA-256.
func planFile(t *testing.T, edit ...string) (path string, sum fingerprint.Sum) {
	t.Helper()
	text := strings.NewReplacer(edit...).
		Replace(read(t, "../plan/testdata/good.yaml"))
	path = write(t, filepath.Join(t.TempDir(), "plan.yaml"), text)
	return path, fingerprint.Of([]byte(text))
}

// TestAttest: what an attestation is in the log, and what is refused.
func TestAttest(t *testing.T) {
	dir := kmdataDir(t)
	path, sum := planFile(t, "witnesses: [", "witnesses: [{name: Xenia}, ")
	const reason = "Ben <script>alert(1)</script> is ill"
	good := holding(t, "attest", "--plan", path, "--step", "arrive", "--initials", "X.", "--initials", "W", "--deviation", reason)
	wantAnswer(t, "a deviation", good, answer{0, "step arrive: a deviation is recorded\nResult: SUCCESS\n", ""})
	wantAnswer(t, "a step", holding(t, "attest", "--plan", path, "--step", "programs", "--initials", "X.", "--initials", "W"),
		answer{0, "step programs attested\nResult: SUCCESS\n", ""})
	record, err := ceremony.Read(dir)
	if err != nil || len(record.Events) != 4 {
		t.Fatalf("%v, %+v", err, record.Events)
	}
	wantNotes(t, record.Events[1], "plan="+sum.String(), "step=arrive", "title=Everybody is there, and is who the plan names",
		"attested=X. (Xenia)", "attested=W (Wim)", "deviation="+reason)
	wantNotes(t, record.Events[0])
	for _, c := range []struct {
		name   string
		args   []string
		status int
		err    string
	}{
		{"twice", []string{"--step", "arrive"}, 6,
			"error: step arrive is attested already\nbyok-test: hint: byok-test ceremony log\n"},
		{"control characters", []string{"--step", "confine", "--deviation", "a\x1bb"}, 2,
			"error: --deviation: it is not one line of printable characters\n"},
		{"400 bytes and one", []string{"--step", "confine", "--deviation", strings.Repeat("x", 401)}, 2,
			"error: --deviation: it has 401 bytes; at most 400 are allowed\n"},
		{"one witness", []string{"--step", "confine", "--initials", "X"}, 2,
			"error: --initials: expected 2, one for each who attests, not 1\n" +
				"byok-test: hint: --initials TEXT once for each, or not at all\n"},
		{"long initials", []string{"--step", "confine", "--initials", strings.Repeat("x", 21), "--initials", "W"}, 2,
			"error: --initials: it has 21 bytes; at most 20 are allowed\n"},
		{"without people", []string{"--step", "confine"}, 2,
			"error: cannot ask for the Xenia, your initials for: The disconnected workstation is contained: " +
				"/dev/tty cannot be opened and standard input is not a terminal\nbyok-test: hint: give --initials TEXT\n"},
	} {
		got := holding(t, append([]string{"attest", "--plan", path}, c.args...)...)
		wantAnswer(t, c.name, got, answer{c.status, "Result: FAILURE\n", "byok-test: " + c.err})
	}
	none := filepath.Join(t.TempDir(), "none.yaml")
	wantAnswer(t, "no plan", holding(t, "attest", "--plan", none, "--step", "arrive"),
		answer{2, "Result: FAILURE\n", "byok-test: error: " + none + ": no such file\n"})
	write(t, filepath.Join(dir, "local", ceremony.FileName), "{}\n")
	if got := holding(t, "attest", "--plan", path, "--step", "confine"); got.status != 3 {
		t.Errorf("a broken log: %+v", got)
	}
}

func wantNotes(t *testing.T, e ceremony.Event, want ...string) {
	t.Helper()
	var got []string
	for _, n := range e.Notes {
		got = append(got, n.Name+"="+n.Value)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s of %s notes\n%s\nwant\n%s", e.Phase, e.Command, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestAsked: initials that are none are asked for again; a rehearsal without
// witnesses is attested by whoever leads.
func TestAsked(t *testing.T) {
	dir := kmdataDir(t)
	path, _ := planFile(t, "witnesses: [{name: Wim, affiliation: Auditors Ltd}]", "witnesses: []", "rehearsal: false", "rehearsal: true",
		"https://contoso.managedhsm.azure.net", "https://localhost:8443", "https://contoso-premium.vault.azure.net", "https://localhost:8444")
	const question = "Carl, your initials for: The programs are the reviewed ones: "
	got := atTerminal(t, []answers{{question, "\r"}, {question, "C\r"}},
		"attest", "--plan", path, "--step", "programs")
	if got.status != 0 || !strings.Contains(got.err, "byok-test: warning: the initials: it is empty") {
		t.Errorf("%+v", got)
	}
	record, err := ceremony.Read(dir)
	if err != nil || !record.Events[1].Rehearsal || record.Events[1].Notes[3].Value != "C (Carl)" {
		t.Errorf("%v, %+v", err, record.Events)
	}
	blank := answers{strings.Replace(question, "programs are the reviewed ones", "disconnected workstation is contained", 1), "\r"}
	got = atTerminal(t, []answers{blank, blank, blank}, "attest", "--plan", path, "--step", "confine")
	if got.status != 2 || !strings.Contains(got.err, "byok-test: error: the initials of Carl: it is empty\n") {
		t.Errorf("%+v", got)
	}
}

// TestRun: each step's command is this program again, and the log says how far it has
// come.
func TestRun(t *testing.T) {
	kmdataDir(t)
	t.Setenv(again, "1")
	path, _ := planFile(t)
	const done, run = `press Enter when it is done as the plan says, or type "deviation": `, `press Enter to run it, or type "deviation": `
	got := atTerminal(t, []answers{{done, "\r"}, {done, "\x04"}}, "run", "--plan", path)
	if got.status != 130 || !strings.Contains(got.err,
		"byok-test: error: interrupted at step 2 of N, The programs are the reviewed ones; the same command goes on there\n"+
			"byok-test: hint: byok-test ceremony run --plan "+path+"\n") {
		t.Errorf("%+v", got)
	}
	got = atTerminal(t, []answers{{done, "\r"}, {run, "\r"}, {"again, deviation or stop: ", "stop\r"}},
		"run", "--plan", path, "--output", "json")
	if got.status != 2 || !strings.Contains(got.out, `"status": 2`) || strings.Contains(got.out, "Result") ||
		!strings.Contains(got.err, "stopped at step 3 of N, The disconnected workstation is contained, whose command ended with status 2") {
		t.Errorf("%+v", got)
	}
}

// TestRunRefused: what no run begins by.
func TestRunRefused(t *testing.T) {
	dir := kmdataDir(t)
	path, _ := planFile(t)
	remote, _ := planFile(t, "guard: trust", "guard: trust\n  network: true")
	for _, c := range []struct {
		name   string
		args   []string
		status int
		err    string
	}{
		{"no terminal", []string{path}, 2, "error: a ceremony is run by people, and there is no terminal to ask them on\n" +
			"byok-test: hint: without one, give each command --plan " + path + ", and attest it by ceremony attest\n"},
		{"a network that the plan does not have", []string{path, "--hsm-network"}, 6,
			"error: " + path + ": the plan's HSM does not use the network\nbyok-test: hint: leave out --hsm-network\n"},
		{"a network that is not typed", []string{remote}, 6,
			"error: " + remote + ": the plan's HSM uses the network, which must be typed\nbyok-test: hint: --hsm-network\n"},
	} {
		got := holding(t, append([]string{"run", "--plan"}, c.args...)...)
		wantAnswer(t, c.name, got, answer{c.status, "Result: FAILURE\n", "byok-test: " + c.err})
	}
	if got := holding(t, "run", "--plan", filepath.Join(dir, "none")); got.status != 2 {
		t.Errorf("%+v", got)
	}
	wantUntouched(t, "run", dir)
}

// answers is typed when the terminal shows a question.
type answers struct{ question, typed string }

// atTerminal runs the program at a terminal where a person types answers.
func atTerminal(t *testing.T, typed []answers, args ...string) answer {
	t.Helper()
	return typing(t, typed, append([]string{"ceremony"}, args...)...)
}

// typing is atTerminal for any command.
func typing(t *testing.T, typed []answers, args ...string) answer {
	t.Helper()
	keyboard, terminal, err := pty.Open()
	if err != nil {
		t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
	}
	defer keyboard.Close()
	defer terminal.Close()
	errs, err := os.CreateTemp(t.TempDir(), "errors")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	p, _ := program(terminal, &out, errs)
	ended := make(chan int, 1)
	go func() { ended <- p.Main(context.Background(), args) }()
	seen := 0
	for _, a := range typed {
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			if text := read(t, errs.Name()); len(text) > seen && strings.HasSuffix(text, a.question) {
				seen = len(text)
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the question %q does not come; there is\n%s", a.question, read(t, errs.Name()))
			}
		}
		if _, err := keyboard.WriteString(a.typed); err != nil {
			t.Fatal(err)
		}
	}
	status := <-ended
	said := steps.ReplaceAllString(read(t, errs.Name()), "of N,")
	return answer{status, out.String(), said}
}

// steps is how many steps the plan has, which is for package script to say.
var steps = regexp.MustCompile(`of [0-9]+,`)
