package planned_test

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/planned"
)

// line is words as package command arranges them.
func line(text string) planned.Line {
	options, files, _ := strings.Cut(text, " -- ")
	return planned.Line{Options: strings.Fields(options), Files: strings.Fields(files)}
}

func step(id, text string) planned.Step { return planned.Step{ID: id, Line: line(text)} }

func generate() planned.Plan {
	return planned.Plan{
		File:  "plan.yaml",
		Media: []string{"/a", "/b", "/c"},
		Steps: []planned.Step{
			step("key:one", "--ident=one --type=RSA --size=2048 --card=/a --card=/b"),
			step("key:two", "--ident=two --type=EC --curve=P-256 --card=/a --card=/b"),
		},
	}
}

func single(text string) planned.Plan {
	return planned.Plan{File: "plan.yaml", Media: []string{"/a", "/b"}, Steps: []planned.Step{step("only", text)}}
}

// together is a plan that takes two keys together.
func together() planned.Plan {
	p := single("--all --card=/a")
	p.Single = []planned.Step{step("key:one", "--ident=one --card=/a"), step("key:two", "--ident=two --card=/a")}
	return p
}

func TestFilled(t *testing.T) {
	upload := single("--vault=https://v.example -- usb/K.byok")
	upload.Left = []string{"rehearsal"}
	for _, c := range []struct {
		name        string
		plan        planned.Plan
		given, want string
	}{
		{"one word tells", generate(), "--ident=two", "--ident=two --type=EC --curve=P-256 --card=/a --card=/b -- "},
		{"the other cards", generate(), "--ident=one --card=/c/ --card=/a",
			"--ident=one --type=RSA --size=2048 --card=/c/ --card=/a -- "},
		{"what is left to the day", generate(), "--plan=p --ident=one --card-pin-file=1 --card-pin-file=2 --pin-file=3",
			"--ident=one --type=RSA --size=2048 --card=/a --card=/b --plan=p --card-pin-file=1 --card-pin-file=2 --pin-file=3 -- "},
		{"the whole line", generate(), "--ident=one --type=RSA --size=2048 --card=/a --card=/b",
			"--ident=one --type=RSA --size=2048 --card=/a --card=/b -- "},
		{"an option without a value", single("--rehearsal --label=w"), "--rehearsal=true", "--rehearsal --label=w -- "},
		{"files", upload, "--yes", "--vault=https://v.example --yes -- usb/K.byok"},
		{"a path in other words", upload, "--vault=https://v.example/ -- ./usb/K.byok", "--vault=https://v.example -- usb/K.byok"},
		{"what this program leaves", upload, "--rehearsal=dir", "--vault=https://v.example --rehearsal=dir -- usb/K.byok"},
		{"several at once", together(), "--pin-file=1", "--all --card=/a --pin-file=1 -- "},
		{"one of several", together(), "--ident=two", "--ident=two --card=/a -- "},
		{"the network", single("--hsm-network --label=w"), "--hsm-network=true", "--hsm-network --label=w -- "},
	} {
		found, err := c.plan.Find("do it", line(c.given))
		if got := strings.Join(found.Words(), " "); err != nil || strings.TrimSpace(got) != strings.TrimSpace(c.want) {
			t.Errorf("%s:\n got %v, %v\nwant %s", c.name, got, err, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	three := generate()
	three.Steps = append(three.Steps, step("key:three", "--ident=a,'b --type=RSA --size=2048 --card=/a --card=/b"))
	many := planned.Plan{File: "plan.yaml"}
	for _, id := range strings.Fields("a b c d e f") {
		many.Steps = append(many.Steps, step(id, "--rehearsal --ident="+id+" -- to/"+id))
	}
	for _, c := range []struct {
		name       string
		plan       planned.Plan
		given      string
		code       exitcode.Code
		want, hint string
	}{
		{"no step", planned.Plan{File: "plan.yaml"}, "--ident=one", exitcode.Refused,
			"plan.yaml: do it is in no step of the plan",
			"without --plan it can be run; note why, as a deviation"},
		{"another value", single("--label=w"), "--label=v", exitcode.Refused,
			"plan.yaml: do it differs from step only: --label v, and the plan says w",
			"leave out what the plan knows; a changed plan is reviewed again"},
		{"an option that the plan has not", single("--label=w"), "--without-quorum", exitcode.Refused,
			"plan.yaml: do it differs from step only: the plan has no --without-quorum",
			"leave out what the plan knows; a changed plan is reviewed again"},
		{"another file", single("--label=w -- a b"), "--label=w -- a", exitcode.Refused,
			"plan.yaml: do it differs from step only: a, and the plan says a b",
			"leave out what the plan knows; a changed plan is reviewed again"},
		{"a card of another set", single("--card=/a"), "--card=/d", exitcode.Refused,
			"plan.yaml: do it differs from step only: --card /d is not a card of the plan: /a /b",
			"leave out what the plan knows; a changed plan is reviewed again"},
		{"fewer cards than are dealt", single("--card=/a --holder=A --card=/b --holder=B"), "--card=/a", exitcode.Refused,
			"plan.yaml: do it differs from step only: --card /a, and the plan says /a /b",
			"leave out what the plan knows; a changed plan is reviewed again"},
		{"none of several", together(), "--ident=three", exitcode.Refused,
			"plan.yaml: do it differs from each of the plan's 2; from step key:one: --ident three, and the plan says one",
			"add one of: --ident one | --ident two"},
		{"no such key", three, "--ident=four", exitcode.Refused,
			"plan.yaml: do it differs from each of the plan's 3; from step key:one: --ident four, and the plan says one",
			"add one of: --ident one | --ident two | --ident 'a,'\\''b'"},
		{"which of them", three, "--size=2048", exitcode.Usage,
			"plan.yaml: do it could be 2 steps",
			"add one of: --ident one | --ident 'a,'\\''b'"},
		{"which of many", many, "", exitcode.Usage,
			"plan.yaml: do it could be 6 steps",
			"add one of: --ident a | --ident b | --ident c | --ident d | --ident e | …"},
		{"the network unasked", single("--label=w"), "--hsm-network", exitcode.Refused,
			"plan.yaml: do it differs from step only: the plan has no --hsm-network",
			"leave out what the plan knows; a changed plan is reviewed again"},
		{"the network filled in", single("--hsm-network"), "", exitcode.Refused,
			"plan.yaml: the plan's HSM uses the network, which must be typed", "--hsm-network"},
	} {
		_, err := c.plan.Find("do it", line(c.given))
		if err == nil || err.Error() != c.want || exitcode.HintOf(err) != c.hint || exitcode.Of(err) != c.code {
			t.Errorf("%s: status %d\n got %v\n     %s\nwant %s\n     %s", c.name, exitcode.Of(err), err, exitcode.HintOf(err),
				c.want, c.hint)
		}
	}
}
