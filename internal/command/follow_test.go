//go:build unix

package command_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/planned"
)

// inPlan is a plan with one step of each command.
func inPlan(file, name string) (*planned.Plan, error) {
	switch {
	case file != "plan.yaml":
		return nil, exitcode.Errorf(exitcode.Usage, "%s: no such plan", file)
	case name == "change":
		step := planned.Step{ID: "the step", Typed: []string{"-k", "K", "--vault", "U", "F"}}
		return &planned.Plan{File: file, SHA256: fingerprint.Of(nil), Steps: []planned.Step{step}}, nil
	}
	return &planned.Plan{File: file}, nil
}

// TestFollow: the plan's options come in, as if they had been typed, and the log
// says of what step.
func TestFollow(t *testing.T) {
	dir := kmdata(t)
	p := program(given)
	p.Planned = inPlan
	wantAnswer(t, "a step", run(t, p, "change", "--plan", "plan.yaml", "--kek=K"), answer{
		out: "vault=\"U\" kek=\"K\" \"F\"\nResult: SUCCESS\n",
		err: "byok-test: change: step the step of the plan\n",
	})
	if all := events(t, dir); len(all) != 2 {
		t.Errorf("the log: %+v", all)
	}
	for _, e := range events(t, dir) {
		for _, n := range []ceremony.Note{
			{Name: ceremony.NotePlan, Value: fingerprint.Of(nil).String()},
			{Name: ceremony.NoteStep, Value: "the step"},
		} {
			if !slices.Contains(e.Notes, n) {
				t.Errorf("%s: %v without %v", e.Phase, e.Notes, n)
			}
		}
	}
}

// TestFollowRefused: nothing is touched where the line differs.
func TestFollowRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want answer
	}{
		{"another value", []string{"change", "--plan=plan.yaml", "--vault", "V"}, answer{status: 6,
			err: "byok-test: error: plan.yaml: change differs from step the step: --vault V, and the plan says U\n" +
				"byok-test: hint: leave out what the plan knows; a changed plan is reviewed again\n"}},
		{"an option that no plan has", []string{"change", "--plan=plan.yaml", "--network"}, answer{status: 6,
			err: "byok-test: error: plan.yaml: change differs from step the step: the plan has no --network\n" +
				"byok-test: hint: leave out what the plan knows; a changed plan is reviewed again\n"}},
		{"a command that is not in it", []string{"peek", "--plan=plan.yaml"}, answer{status: 6,
			err: "byok-test: error: plan.yaml: peek is in no step of the plan\n" +
				"byok-test: hint: without --plan it can be run; note why, as a deviation\n"}},
		{"no plan", []string{"change", "--plan=other.yaml"}, answer{status: 2, err: "byok-test: error: other.yaml: no such plan\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := kmdata(t)
			p := program(given)
			p.Planned = inPlan
			wantAnswer(t, c.name, run(t, p, c.args...), c.want)
			wantUntouched(t, c.name, dir)
		})
	}
}

// TestPlanChanged: what a command reads of its plan is what its line was held to.
func TestPlanChanged(t *testing.T) {
	good, err := os.ReadFile("../plan/testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "plan.yaml")
	for name, c := range map[string]struct{ held, err string }{
		"the same": {string(good), ""},
		"another":  {"what was there before", file + " changed while the command was read"},
	} {
		kmdata(t)
		p := program(func(r *command.Run) (command.Result, error) {
			if err := os.WriteFile(file, good, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := r.Plan()
			return text("done"), err
		})
		p.Planned = func(file, _ string) (*planned.Plan, error) {
			step := planned.Step{ID: "the step"}
			return &planned.Plan{File: file, SHA256: fingerprint.Of([]byte(c.held)), Steps: []planned.Step{step}}, nil
		}
		got := run(t, p, "peek", "--plan", file)
		if refused := strings.Contains(got.err, "error: "+c.err+"\n"); (c.err != "") != refused || (got.status == 6) != refused {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
