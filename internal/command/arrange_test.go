//go:build unix

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
	for _, name := range []string{"vault", "kek", "color"} {
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
		"--vault a=b=c":         {`vault="a=b=c"`, `--vault=a=b=c`},
		"-- --vault U":          {`"--vault" "U"`, `--vault|U`},
		"F -- G --yes":          {`"F" "G" "--yes"`, `F|G|--yes`},
		"F --yes -- G -- H":     {`yes "F" "G" "--" "H"`, `--yes=true|F|G|--|H`},
		"- --yes":               {`yes "-"`, `--yes=true|-`},
		"change vault key help": {`"change" "vault" "key" "help"`, `change|vault|key|help`},
		"F --output text":       {`"F"`, `--output=text|F`},
		"F --output TEXT":       {`"F"`, `--output=text|F`},
		"--color RED F":         {`color="red" "F"`, `--color=red|F`},
		"--color crimson F":     {`color="red" "F"`, `--color=red|F`},
		"--color Dark-blue":     {`color="blue"`, `--color=blue`},
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
	const done = "Result: SUCCESS\n"
	wantAnswer(t, "variable", run(t, program(given), "change"), answer{0, "vault=\"from-env\"\n" + done, ""})
	over := run(t, program(given), "change", "--vault", "U")
	wantAnswer(t, "option over variable", over, answer{0, "vault=\"U\"\n" + done, ""})
	want := []string{"--vault=from-env", "--kmdata=" + dir}
	if got := events(t, dir)[0].Arguments; !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// TestPasswordsInURLs: the record keeps neither user information nor a query.
func TestPasswordsInURLs(t *testing.T) {
	dir := kmdata(t)
	run(t, program(nothing), "change", "--vault", "https://u:hunter2@h", "--card=pkcs11:token=a?pin-value=1",
		"https://h/f?sig=s")
	want := []string{"--vault=https://***@h", "--card=pkcs11:token=a?***", "--kmdata=" + dir, "https://h/f?***"}
	for _, e := range events(t, dir) {
		if !slices.Equal(e.Arguments, want) {
			t.Errorf("recorded %q", e.Arguments)
		}
	}
}

// TestRefusedCommandLine: one line, a hint, status 2, and nothing was touched.
func TestRefusedCommandLine(t *testing.T) {
	const all = "byok-test change|look|peek|key"
	const changeHelp = "byok-test change --help"
	for line, c := range map[string]struct{ err, hint string }{
		"upload":                   {`unknown command "upload"`, all},
		"Change":                   {`unknown command "Change"`, "byok-test change"},
		"chagne":                   {`unknown command "chagne"`, "byok-test change"},
		"eek":                      {`unknown command "eek"`, "byok-test peek"},
		"upload --vault U":         {`unknown command "upload"`, all},
		"key":                      {"key: a subcommand is required", "byok-test key list|make"},
		"key show":                 {`unknown command "key show"`, "byok-test key list|make"},
		"key mkae":                 {`unknown command "key mkae"`, "byok-test key make"},
		"key help":                 {`unknown command "key help"`, "byok-test key list|make"},
		"key --yes":                {"key: a subcommand is required", "byok-test key list|make"},
		"key --yes list":           {"key list: unknown option --yes", "byok-test key list --help"},
		"key -v":                   {"unknown option -v", "byok-test key --help"},
		"key list --yes":           {"key list: unknown option --yes", "byok-test key list --help"},
		"--output=text":            {"a command is required", all},
		"--output":                 {"a command is required", all},
		"--outptu=text look":       {"unknown option --outptu", "byok-test --output"},
		"--zzz look":               {"unknown option --zzz", "byok-test --help"},
		"--vault U --vault V look": {"look: --vault is given twice", "byok-test look --help"},
		"--network key list":       {"key list: unknown option --network", "byok-test key list --help"},
		"help keys":                {`unknown command "keys"`, "byok-test key"},
		"change --other":           {"change: unknown option --other", changeHelp},
		"change --vualt U":         {"change: unknown option --vualt", "byok-test change --vault"},
		"change -vualt=U":          {"change: unknown option --vualt", "byok-test change --vault"},
		"change F --other":         {"change: unknown option --other", changeHelp},
		"change F --Yes":           {"change: unknown option --Yes", "byok-test change --yes"},
		"change F -y":              {"change: unknown option -y", changeHelp},
		"change --version":         {"change: unknown option --version", changeHelp},
		"change ---yes":            {"change: unknown option --yes", "byok-test change --yes"},
		"change --=x":              {"change: unknown option --", changeHelp},
		"change F --vault":         {"change: --vault needs a value", changeHelp},
		"change F -k":              {"change: --kek needs a value", changeHelp},
		"change --size many":       {"change: --size many: expected a whole number", changeHelp},
		"change --size=":           {"change: --size is empty", changeHelp},
		"change --yes=maybe":       {"change: --yes maybe: expected true or false", changeHelp},
		"change --wait 3d": {"change: --wait 3d: expected hours, minutes and seconds, such as 72h or 1h30m",
			changeHelp},
		"change --rate fast":           {"change: --rate fast: expected a number", changeHelp},
		"change --color bleu":          {"change: --color bleu: expected red or blue", "byok-test change --color blue"},
		"change --color crimon":        {"change: --color crimon: expected red or blue", "byok-test change --color red"},
		"change --color x":             {"change: --color x: expected red or blue", changeHelp},
		"change --vault U F --vault V": {"change: --vault is given twice", changeHelp},
		"change --vault= F":            {"change: --vault is empty", changeHelp},
		"change --card= F":             {"change: --card is empty", changeHelp},
		"change --vault=U --vault=U":   {"change: --vault is given twice", changeHelp},
		"change --yes --yes":           {"change: --yes is given twice", changeHelp},
		"change -k K --kek L":          {"change: --kek is given twice", changeHelp},
		"change --output xml":          {"change: --output xml: expected text or json", changeHelp},
		"peek --output jsno":           {"peek: --output jsno: expected text or json", "byok-test peek --output json"},
		"look --output=":               {"look: --output is empty", "byok-test look --help"},
		"key make":                     {"key make needs --ident, --holder", "byok-test key make --help"},
		"key make --holder A":          {"key make needs --ident", "byok-test key make --help"},
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
	wantAnswer(t, "empty word", run(t, program(given), ""), answer{2, "",
		lines(`byok-test: error: unknown command ""`, "byok-test: hint: "+all)})
	wantUntouched(t, "empty word", dir)
}

// TestHelp: every level's help is ours, on stdout.
func TestHelp(t *testing.T) {
	dir := kmdata(t)
	for line, file := range map[string]string{
		"": "program", "--help": "program", "-h": "program",
		"key --help": "group", "help key": "group", "help change": "command", "help key make": "described",
		"change --help": "command", "change F -h": "command", "change --other F --help": "command",
		"--help F": "program", "key --help F": "group", "key -h": "group", "help": "program",
		"--help change": "command", "--output json --help key make": "described", "--zzz --help": "program",
		"change --vault U --help F": "command",
		"key make --help":           "described",
	} {
		got := run(t, program(given), strings.Fields(line)...)
		golden(t, "help/"+file+".txt", got.out)
		wantAnswer(t, line, got, answer{0, got.out, ""})
	}
	wantUntouched(t, "help", dir)
}

// TestAlone: the name of a group stands for a command of it where options follow, and
// nothing else does.
func TestAlone(t *testing.T) {
	for _, c := range []struct {
		name, line string
		status     int
		want       string // of stdout, or of stderr where it fails
	}{
		{"with its options", "key --ident a --holder=b", 0, "\nResult: SUCCESS\n"},
		{"before which others stand", "--output text key --ident a --holder b", 0, "\nResult: SUCCESS\n"},
		{"without one that it needs", "key --ident a", 2, "byok-test: error: key make needs --holder\n" +
			"byok-test: hint: byok-test key make --help\n"},
		{"without options", "key", 2, "byok-test: error: key: a subcommand is required\nbyok-test: hint: byok-test key list|make\n"},
		{"with a file", "key --ident a --holder b file", 2, "byok-test: error: unknown command \"key file\"\n" +
			"byok-test: hint: byok-test key list|make\n"},
	} {
		kmdata(t)
		p := program(given)
		p.Alone = map[string]string{"key": "make"}
		got := run(t, p, strings.Fields(c.line)...)
		said := got.out
		if c.status != 0 {
			said = got.err
		}
		if got.status != c.status || !strings.HasSuffix(said, c.want) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	p := program(given)
	p.Alone = map[string]string{"key": "make"}
	if got := run(t, p, "key", "--help"); got.status != 0 || !strings.Contains(got.out, "\ncommands:\n") {
		t.Errorf("help: %+v", got)
	}
}
