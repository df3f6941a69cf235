package command_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"byok/internal/command"
)

// given tells what a command got through urfave/cli: its options, then its files.
func given(r *command.Run) (command.Result, error) {
	var got []string
	for _, name := range []string{"vault", "kek"} {
		if r.IsSet(name) {
			got = append(got, fmt.Sprintf("%s=%q", name, r.String(name)))
		}
	}
	for _, card := range r.StringSlice("card") {
		got = append(got, fmt.Sprintf("card=%q", card))
	}
	if size := r.Int("size"); size != 2048 {
		got = append(got, fmt.Sprintf("size=%d", size))
	}
	for _, name := range []string{"yes", "network"} {
		if r.Bool(name) {
			got = append(got, name)
		}
	}
	for _, arg := range r.Args().Slice() {
		got = append(got, fmt.Sprintf("%q", arg))
	}
	return text(strings.Join(got, " ")), nil
}

// TestArrange: options and files in any order, as people write them, and in
// the log each of them once.
func TestArrange(t *testing.T) {
	for line, c := range map[string]struct{ got, recorded string }{
		"":                      {``, ``},
		"F --vault U":           {`vault="U" "F"`, `--vault=U|F`},
		"F --vault=U":           {`vault="U" "F"`, `--vault=U|F`},
		"--vault U F":           {`vault="U" "F"`, `--vault=U|F`},
		"-vault U F":            {`vault="U" "F"`, `--vault=U|F`},
		"F G --vault U H":       {`vault="U" "F" "G" "H"`, `--vault=U|F|G|H`},
		"F --yes G":             {`yes "F" "G"`, `--yes=true|F|G`},
		"F --yes=false G":       {`"F" "G"`, `--yes=false|F|G`},
		"F --yes false":         {`yes "F" "false"`, `--yes=true|F|false`},
		"F --size 4096":         {`size=4096 "F"`, `--size=4096|F`},
		"F -k K":                {`kek="K" "F"`, `--kek=K|F`},
		"F --k=K --network":     {`kek="K" network "F"`, `--kek=K|--network=true|F`},
		"--card 1 F --card 2":   {`card="1" card="2" "F"`, `--card=1|--card=2|F`},
		"-c 2 --card 1 --c=2":   {`card="2" card="1" card="2"`, `--card=2|--card=1|--card=2`},
		"--card 1,2 --vault V,": {`vault="V," card="1,2"`, `--vault=V,|--card=1,2`},
		"--card Smith,_Alice":   {`card="Smith, Alice"`, `--card=Smith, Alice`},
		"--vault --yes":         {`vault="--yes"`, `--vault=--yes`},
		"--vault -- F":          {`vault="--" "F"`, `--vault=--|F`},
		"--vault= F":            {`vault="" "F"`, `--vault=|F`},
		"--vault a=b=c":         {`vault="a=b=c"`, `--vault=a=b=c`},
		"-- --vault U":          {`"--vault" "U"`, `--vault|U`},
		"F -- G --yes":          {`"F" "G" "--yes"`, `F|G|--yes`},
		"F --yes -- G -- H":     {`yes "F" "G" "--" "H"`, `--yes=true|F|G|--|H`},
		"- --yes":               {`yes "-"`, `--yes=true|-`},
		"change vault key help": {`"change" "vault" "key" "help"`, `change|vault|key|help`},
		"F --output text":       {`"F"`, `--output=text|F`},
	} {
		dir := kmdata(t)
		args := []string{"change"}
		for _, word := range strings.Fields(line) {
			args = append(args, strings.ReplaceAll(word, "_", " "))
		}
		wantAnswer(t, line, run(t, program(given), args...), answer{0, c.got + "\nResult: SUCCESS\n", ""})
		for _, e := range events(t, dir) {
			recorded := slices.DeleteFunc(e.Arguments, func(a string) bool { return a == "--kmdata="+dir })
			if got := strings.Join(recorded, "|"); got != c.recorded {
				t.Errorf("%s: recorded\n%s\nwant\n%s", line, got, c.recorded)
			}
		}
	}
}

// TestVariable: an option given by its variable counts, and is in the log.
func TestVariable(t *testing.T) {
	dir := kmdata(t)
	t.Setenv("BYOK_TEST_VAULT", "from-env")
	wantAnswer(t, "variable", run(t, program(given), "look"), answer{0, "vault=\"from-env\"\n", ""})
	wantAnswer(t, "option over variable", run(t, program(given), "look", "--vault", "U"), answer{0, "vault=\"U\"\n", ""})
	want := []string{"--vault=from-env", "--kmdata=" + dir}
	if got := events(t, dir)[0].Arguments; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// TestRefusedCommandLine: one line, a hint, status 2, and nothing was touched.
func TestRefusedCommandLine(t *testing.T) {
	const all = "byok-test change|look|peek|key|inspect|fingerprint|ceremony"
	for line, c := range map[string]struct{ err, hint string }{
		"upload":                       {`unknown command "upload"`, all},
		"Change":                       {`unknown command "Change"`, all},
		"help":                         {`unknown command "help"`, all},
		"upload --vault U":             {`unknown command "upload"`, all},
		"key":                          {"key needs one more word", "byok-test key list|make"},
		"key show":                     {`unknown command "key show"`, "byok-test key list|make"},
		"key help":                     {`unknown command "key help"`, "byok-test key list|make"},
		"key --yes":                    {"key: flag provided but not defined: -yes", "byok-test key --help"},
		"key --yes list":               {"key: flag provided but not defined: -yes", "byok-test key --help"},
		"key list --yes":               {"key list: flag provided but not defined: -yes", "byok-test key list --help"},
		"--output json look":           {"byok-test: flag provided but not defined: -output", "byok-test --help"},
		"change --other":               {"change: flag provided but not defined: -other", "byok-test change --help"},
		"change F --other":             {"change: flag provided but not defined: -other", "byok-test change --help"},
		"change F --Yes":               {"change: flag provided but not defined: -Yes", "byok-test change --help"},
		"change F -y":                  {"change: flag provided but not defined: -y", "byok-test change --help"},
		"change --version":             {"change: flag provided but not defined: -version", "byok-test change --help"},
		"change ---yes":                {"change: bad flag syntax: ---yes", "byok-test change --help"},
		"change --=x":                  {"change: bad flag syntax: --=x", "byok-test change --help"},
		"change F --vault":             {"change: --vault needs a value", ""},
		"change F -k":                  {"change: --kek needs a value", ""},
		"change --size many":           {`change: invalid value "many" for flag -size: parse error`, "byok-test change --help"},
		"change --yes=maybe":           {`change: invalid boolean value "maybe" for -yes: parse error`, "byok-test change --help"},
		"change --vault U F --vault V": {"change: --vault is given twice", ""},
		"change --vault=U --vault=U":   {"change: --vault is given twice", ""},
		"change --yes --yes":           {"change: --yes is given twice", ""},
		"change -k K --kek L":          {"change: --kek is given twice", ""},
		"change --output xml":          {"--output xml: text or json is expected", ""},
		"peek --output JSON":           {"--output JSON: text or json is expected", ""},
		"look --output=":               {"--output : text or json is expected", ""},
	} {
		dir := kmdata(t)
		want := lines("byok-test: error: " + c.err)
		if c.hint != "" {
			want += lines("byok-test: hint: " + c.hint)
		}
		wantAnswer(t, line, run(t, program(given), strings.Fields(line)...), answer{2, "", want})
		wantUntouched(t, line, dir)
	}
	dir := kmdata(t)
	wantAnswer(t, "empty word", run(t, program(given), ""), answer{2, "", lines(`byok-test: error: unknown command ""`, "byok-test: hint: "+all)})
	wantUntouched(t, "empty word", dir)
}

// TestHelp: every level's help is ours, on stdout.
func TestHelp(t *testing.T) {
	dir := kmdata(t)
	for line, file := range map[string]string{
		"": "program", "--help": "program", "-h": "program",
		"key --help": "group", "ceremony --help": "ceremony",
		"change --help": "command", "change F -h": "command", "change --other F --help": "command", "--help F": "program", "key --help F": "group", "key -h": "group",
		"change --vault U --help F": "command",
		"key make --help":           "described", "fingerprint --help": "fingerprint",
	} {
		got := run(t, program(given), strings.Fields(line)...)
		golden(t, "help/"+file+".txt", got.out)
		wantAnswer(t, line, got, answer{0, got.out, ""})
	}
	for _, flag := range []string{"--version", "-v"} {
		wantAnswer(t, flag, run(t, program(given), flag), answer{0, "byok-test version 1.2.3\n", ""})
	}
	wantUntouched(t, "help", dir)
}
