package shared_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/script"
	"byok/internal/shared"
	"byok/internal/term"
)

// planning runs a program that has the commands on plans, a dry run held by hold, and
// a command that a plan of its own place has a step for.
func planning(t *testing.T, hold shared.Holder, args ...string) answer {
	t.Helper()
	var out, errs strings.Builder
	p := &command.Program{
		Name:    "byok-test",
		Version: "1.2.3",
		Planned: shared.Planner(script.Disconnected),
		Console: &term.Console{Program: "byok-test", Out: &out, Err: &errs},
	}
	group := shared.Ceremony(p)
	group.Subcommands = append(group.Subcommands, shared.DryRun(p, hold, &cli.StringFlag{Name: "keep", Usage: "`DIR`"}))
	backup := &cli.Command{Name: "backup", ArgsUsage: "DIR", Action: p.Action(func(r *command.Run) (command.Result, error) {
		r.Say("to %s", r.Args().First())
		return nil, nil
	})}
	p.Commands = []*cli.Command{group, {Name: "world", Subcommands: []*cli.Command{backup}}}
	status := p.Main(context.Background(), args)
	return answer{status, out.String(), errs.String()}
}

func TestPlanCommands(t *testing.T) {
	kmdataDir(t)
	dir := t.TempDir()
	fresh, book := filepath.Join(dir, "new.yaml"), filepath.Join(dir, "book.html")
	good, sum := planFile(t, "2026-12-01", "2126-12-01")
	const short = "Contoso root key, 2126-12-01: 3 keys for 2 vaults in "
	wantAnswer(t, "new", planning(t, nil, "ceremony", "new", fresh),
		answer{0, fresh + " written; next: byok-test ceremony check " + fresh + "\n", ""})
	if got := planning(t, nil, "ceremony", "new", fresh); got.status != 6 {
		t.Errorf("new, again: %+v", got)
	}
	got := planning(t, nil, "ceremony", "check", good)
	if got.status != 0 || !strings.HasPrefix(got.out, short) || !strings.Contains(got.out, sum.Groups()) ||
		!strings.HasSuffix(got.out, "\nResult: SUCCESS\n") {
		t.Errorf("check: %+v", got)
	}
	wantAnswer(t, "script", planning(t, nil, "ceremony", "script", good, "--out", book),
		answer{0, book + " written; next: print it, a copy for each person\n", ""})
	if text := read(t, book); !strings.Contains(text, "<h2>Participants</h2>") {
		t.Error("the book has no list of participants")
	}
	for _, name := range []string{"check", "script"} {
		got := planning(t, nil, "ceremony", name, fresh, "--out", book+"2")
		if name == "check" {
			got = planning(t, nil, "ceremony", name, fresh)
		}
		if got.status != 3 || !strings.Contains(got.out, ": title: missing\n") ||
			!strings.HasSuffix(got.err, "byok-test: hint: change what is named, then check the plan again\n") {
			t.Errorf("%s of a plan to fill in: %+v", name, got)
		}
	}
	for _, args := range [][]string{{"check", dir + "/none"}, {"script", dir + "/none", "--out", book + "3"}} {
		if got := planning(t, nil, append([]string{"ceremony"}, args...)...); got.status != 2 {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// TestPlanner: a command takes from its plan what the plan knows.
func TestPlanner(t *testing.T) {
	kmdataDir(t)
	good, _ := planFile(t, "2026-12-01", "2126-12-01")
	got := planning(t, nil, "world", "backup", "--plan", good, "/media/backup/kmdata/keys")
	wantAnswer(t, "a step", got, answer{0, "", lines(
		"byok-test: world backup: step backup:keys of the plan", "byok-test: to /media/backup/kmdata/keys")})
	empty := write(t, filepath.Join(t.TempDir(), "empty.yaml"), "version: 1\n")
	for _, c := range []struct {
		name, plan string
		status     int
		err        string
	}{
		{"another folder", good, 6, "byok-test: error: " + good + ": world backup differs from each of the plan's 2"},
		{"no plan", "/nowhere/plan.yaml", 2, "byok-test: error: /nowhere/plan.yaml: no such file\n"},
		{"a plan that cannot be", empty, 3, "byok-test: error: " + empty + ": "},
	} {
		got := planning(t, nil, "world", "backup", "--plan", c.plan, "/elsewhere")
		if got.status != c.status || !strings.HasPrefix(got.err, c.err) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestDryRun(t *testing.T) {
	kmdataDir(t)
	good, sum := planFile(t, "2026-12-01", "2126-12-01")
	var held shared.Checked
	hold := func(r *command.Run, c shared.Checked) (command.Result, error) {
		held = c
		return nil, exitcode.Errorf(exitcode.Vault, "the step failed, in %s", r.String("keep"))
	}
	args := []string{"ceremony", "dry-run", "--out", "x.txt", "--keep", "here", "--plan"}
	got := planning(t, hold, append(args, good)...)
	wantAnswer(t, "held", got, answer{5, "Result: FAILURE\n", "byok-test: error: the step failed, in here\n"})
	if held.File != good || held.SHA256 != sum || held.Title == "" {
		t.Errorf("%+v", held)
	}
	empty := write(t, filepath.Join(t.TempDir(), "empty.yaml"), "version: 1\n")
	held = shared.Checked{}
	if got := planning(t, hold, append(args, empty)...); got.status != 3 || held.Plan != nil {
		t.Errorf("a plan that cannot be: %+v, held %+v", got, held)
	}
	if got := planning(t, hold, append(args, "/nowhere/plan.yaml")...); got.status != 2 || held.Plan != nil {
		t.Errorf("no plan: %+v, held %+v", got, held)
	}
	wantAnswer(t, "elsewhere", planning(t, nil, "ceremony", "dry-run", "--plan", "my plan.yaml", "--out", "x.txt"), answer{6, "", lines(
		"byok-test: error: a dry run needs vaults, and byok-test can start none",
		"byok-test: hint: byok-online ceremony dry-run --plan 'my plan.yaml' --out x.txt")})
	if _, err := os.Stat("x.txt"); err == nil {
		t.Error("x.txt was made")
	}
}

func TestNoReport(t *testing.T) {
	kmdataDir(t)
	got := planning(t, nil, "ceremony", "report", "/nowhere", "--out", filepath.Join(t.TempDir(), "report.html"))
	if got.status != 2 || !strings.HasPrefix(got.err, "byok-test: error: ") {
		t.Errorf("%+v", got)
	}
}
