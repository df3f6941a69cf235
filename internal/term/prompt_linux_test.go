package term

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"byok/internal/exitcode"
	"byok/internal/secret"
)

// jobVariable names the conversation that a copy of the test program has in
// place of the tests: only a process of its own can have a terminal of its own.
const jobVariable = "TERM_TEST_JOB"

const pin = `PIN of token "contoso"`

func TestMain(m *testing.M) {
	job := os.Getenv(jobVariable)
	if job == "" {
		m.Run()
		return
	}
	c := &Console{Program: "byok-offline", In: os.Stdin, Out: os.Stdout, Err: os.Stderr}
	answer, err := jobs(c)[job]()
	c.Restore()
	c.Restore() // harmless
	if err != nil {
		answer = fmt.Sprintf("status %d: %v; hint: %s", exitcode.Of(err), err, exitcode.HintOf(err))
	}
	fmt.Println(answer)
}

func jobs(c *Console) map[string]func() (string, error) {
	return map[string]func() (string, error){
		"password": func() (string, error) {
			s, err := c.Password(pin, "--pin-file FILE")
			return s.Text(), err
		},
		"new": func() (string, error) {
			s, err := c.NewPassword("passphrase of card 1", "--card-pin-file FILE")
			return s.Text(), err
		},
		"ask":         func() (string, error) { return c.Ask("holder of card 1", "--holder NAME") },
		"ask, no way": func() (string, error) { return c.Ask("holder of card 1", "") },
		"confirm":     func() (string, error) { return "confirmed", c.Confirm(`erase token "contoso"?`, "ERASE") },
		"hostile":     func() (string, error) { return c.Ask("name of \x1b[2Jtoken", "") },
		"interactive": func() (string, error) { return fmt.Sprint(c.Interactive()), nil },
		"session":     func() (string, error) { return session(c) },
		"show": func() (string, error) {
			words := secret.Take([]byte("acid  bonus\tcrypt "))
			defer words.Wipe()
			heading := []string{"For Alice alone: card \x1b[2J1"}
			return "shown", c.ShowSecret(heading, words, "press Enter when you have noted it", "--card-pin-file FILE")
		},
		"alone": func() (string, error) {
			return c.AskAlone(func(width int) []string { return []string{fmt.Sprint("a page of ", width)} }, "the word", "")
		},
		"below": func() (string, error) {
			return c.AskBelow(func(width int) []string { return []string{fmt.Sprint("a page\x1b[2J of ", width)} }, "the word", "")
		},
		"enter":   func() (string, error) { return "entered", c.Enter("insert the next card") },
		"rescued": func() (string, error) { return rescued(c, true) },
		"kept":    func() (string, error) { return rescued(c, false) },
		"messages": func() (string, error) {
			c.Error("%s", strings.Repeat("word ", 30))
			c.Hint("%s", strings.Repeat("word ", 30))
			return c.Ask(strings.Repeat("word ", 20)+"end", "")
		},
	}
}

// session asks three questions, and works behind the first.
func session(c *Console) (string, error) {
	first, err := c.Password("PIN", "")
	if err != nil {
		return "", err
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(tty, "working")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return "", err
	}
	name, err := c.Ask("holder", "")
	if err != nil {
		return "", err
	}
	again, err := c.Password("PIN, again", "")
	return first.Text() + " " + name + " " + again.Text(), err
}

func TestPassword(t *testing.T) {
	for _, where := range []terminalOf{controlling, standard} {
		p := start(t, "password", where)
		p.sees(pin+": ", 1)
		if p.echo() {
			t.Error("the echo is on while the PIN is asked")
		}
		p.types("hunter2\n")
		p.ends("hunter2", pin+": \n")
	}
}

func TestPasswordRefused(t *testing.T) {
	for name, c := range map[string]struct{ keys, want string }{
		"nothing":   {"\n", `status 2: PIN of token "contoso": empty; hint: `},
		"Ctrl-D":    {"\x04", `status 2: PIN of token "contoso": no answer; hint: `},
		"Ctrl-C":    {"hunt\x03", `status 130: PIN of token "contoso": interrupted; hint: `},
		"too long":  {strings.Repeat("p", 1025) + "\n", `status 2: PIN of token "contoso": over 1024 bytes; hint: `},
		"in full":   {strings.Repeat("p", 1024) + "\n", strings.Repeat("p", 1024)},
		"corrected": {"huntr\x7fer2\n", "hunter2"},
		"wiped":     {"hunter3\x15hunter2\n", "hunter2"},
		"Ctrl-D end": {"hunter2\x04",
			`status 2: PIN of token "contoso": ended by Ctrl-D instead of Enter, so it was discarded; hint: `},
		"Ctrl-\\": {"hunt\x1c", `status 130: PIN of token "contoso": interrupted; hint: `},
		"arrow key": {"hunter\x1b[D\n",
			`status 2: PIN of token "contoso": contains a control character, such as an arrow key's; hint: `},
		"not ASCII": {"Schlüssel 鍵\n", "Schlüssel 鍵"},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "password", controlling)
			p.sees(": ", 1)
			p.types(c.keys)
			p.ends(c.want, pin+": \n")
		})
	}
}

// TestEchoAfterwards looks at the terminal once the job has gone.
func TestEchoAfterwards(t *testing.T) {
	for _, keys := range []string{"hunter2\n", "\n", "\x04", "\x03"} {
		p := start(t, "password", controlling)
		keeper, err := os.OpenFile(slaveName(t, p.master), os.O_RDWR|syscall.O_NOCTTY, 0)
		if err != nil {
			t.Fatal(err)
		}
		p.sees(": ", 1)
		p.types(keys)
		_ = p.cmd.Wait()
		if !p.echo() {
			t.Errorf("after %q the echo is off", keys)
		}
		keeper.Close()
	}
}

func slaveName(t *testing.T, master *os.File) string {
	t.Helper()
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("/dev/pts/%d", n)
}

// TestTerminated: a signal from elsewhere ends the prompt too.
func TestTerminated(t *testing.T) {
	p := start(t, "password", controlling)
	p.sees(": ", 1)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.ends(`status 130: PIN of token "contoso": interrupted; hint: `, pin+": \n")
}

func TestNewPassword(t *testing.T) {
	const first, second, differ = "passphrase of card 1: \n", "passphrase of card 1, again: \n",
		"entries do not match, try again\n"
	for name, c := range map[string]struct{ keys, want, screen string }{
		"same":         {"abc abc", "abc", first + second},
		"second round": {"abc abd xyz xyz", "xyz", first + second + differ + first + second},
		"never": {"a b c d e f", "status 2: passphrase of card 1: the two answers differed 3 times; " +
			"hint: ", strings.Repeat(first+second+differ, 2) + first + second},
		"empty":         {"", "status 2: passphrase of card 1: empty; hint: ", first},
		"second empty":  {"abc ", "status 2: passphrase of card 1, again: empty; hint: ", first + second},
		"second Ctrl-C": {"abc \x03", "status 130: passphrase of card 1, again: interrupted; hint: ", first + second},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, "new", controlling)
			for i, answer := range strings.Split(c.keys, " ") {
				p.sees(": ", i+1)
				p.types(strings.Replace(answer+"\n", "\x03\n", "\x03", 1))
			}
			p.ends(c.want, c.screen)
		})
	}
}

// TestTypedAhead: what is typed before a question is neither shown nor taken,
// whether the question is for a secret or for a word; the echo is off from the
// first question for a secret until Restore, except for visible answers.
func TestTypedAhead(t *testing.T) {
	p := start(t, "session", controlling)
	p.sees("PIN: ", 1)
	p.types("hunter2\nhunter3\n")
	p.sees("working\r\n", 1)
	if p.echo() {
		t.Error("the echo is on between two questions")
	}
	p.types("typed ahead\n")
	p.reads("first") // the job goes on once this is on its standard input
	p.sees("holder: ", 1)
	if !p.echo() {
		t.Error("the echo is off while a name is asked")
	}
	p.types("Ada\n")
	p.sees("PIN, again: ", 1)
	if p.echo() {
		t.Error("the echo is on while the PIN is asked")
	}
	p.types("hunter2\n")
	p.ends("hunter2 Ada hunter2", "PIN: \nworking\nholder: Ada\nPIN, again: \n")
}

func TestAsk(t *testing.T) {
	for keys, c := range map[string]struct{ want, screen string }{
		"  Ada Lovelace \n": {"Ada Lovelace", "holder of card 1:   Ada Lovelace \n"},
		"\n":                {"", "holder of card 1: \n"},
		"\x04":              {"status 2: holder of card 1: no answer; hint: ", "holder of card 1: \n"},
		"\x03":              {"status 130: holder of card 1: interrupted; hint: ", "holder of card 1: ^C\n"},
	} {
		p := start(t, "ask", controlling)
		p.sees(": ", 1)
		p.types(keys)
		p.ends(c.want, c.screen)
	}
	p := start(t, "hostile", controlling)
	p.sees(": ", 1)
	p.types("\n")
	p.ends("", `name of \x1b[2Jtoken: `+"\n")
}

// TestAnswersThatAreNone: what was pasted by mistake is no answer.
func TestAnswersThatAreNone(t *testing.T) {
	for keys, want := range map[string]string{
		strings.Repeat("a", 1025) + "\n": "status 2: holder of card 1: over 1024 bytes; hint: ",
		"Ada\x1b[D\n":                    "status 2: holder of card 1: contains a control character, such as an arrow key's; hint: ",
		"Ada\x04":                        "status 2: holder of card 1: ended by Ctrl-D instead of Enter, so it was discarded; hint: ",
	} {
		p := start(t, "ask", controlling)
		p.sees(": ", 1)
		p.types(keys)
		if err := p.cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSuffix(p.out.String(), "\n"); got != want {
			t.Errorf("%.20q: returned %q, want %q", keys, got, want)
		}
	}
}

// TestAskAlone: the page is on the alternate screen, which is left however the
// question ends; a dumb terminal shows it where it is.
func TestAskAlone(t *testing.T) {
	const shown, left = "\x1b[?1049h\x1b[2J\x1b[Ha page of 40\nthe word: ", "\x1b[2J\x1b[H\x1b[?1049l"
	for _, c := range []struct{ kind, keys, want, screen string }{
		{"xterm", "acid\n", "acid", shown + "acid\n" + left},
		{"xterm", "\x03", "status 130: the word: interrupted; hint: ", shown + "^C\n" + left},
		{"dumb", "acid\n", "acid", "a page of 40\nthe word: acid\n"},
	} {
		t.Setenv("TERM", c.kind)
		p := start(t, "alone", controlling, 40)
		p.sees("the word: ", 1)
		p.types(c.keys)
		p.ends(c.want, c.screen)
	}
	start(t, "alone", none).ends("status 2: cannot ask for the the word: /dev/tty cannot be opened and "+
		"standard input is not a terminal; hint: ", "")
}

// TestEnter: what is typed too early does not show.
func TestEnter(t *testing.T) {
	for keys, want := range map[string]string{
		"\n":        "entered",
		"hunter2\n": "entered",
		"\x04":      "status 2: insert the next card: no answer; hint: ",
		"\x03":      "status 130: insert the next card: interrupted; hint: ",
	} {
		p := start(t, "enter", controlling)
		p.sees("next card: ", 1)
		p.types(keys)
		p.ends(want, "insert the next card: \n")
	}
	start(t, "enter", none).ends("status 2: cannot wait for a person: /dev/tty cannot be opened and "+
		"standard input is not a terminal; hint: ", "")
}

func TestConfirm(t *testing.T) {
	const question = `erase token "contoso"? (type "ERASE" to continue): `
	for keys, want := range map[string]string{
		"ERASE\n":  "confirmed",
		"erase\n":  `status 6: not confirmed: the answer was not "ERASE"; hint: `,
		"ERASE \n": `status 6: not confirmed: the answer was not "ERASE"; hint: `,
		"y\n":      `status 6: not confirmed: the answer was not "ERASE"; hint: `,
		"\n":       `status 6: not confirmed: the answer was not "ERASE"; hint: `,
	} {
		p := start(t, "confirm", controlling)
		p.sees(question, 1)
		p.types(keys)
		p.ends(want, question+keys)
	}
	for keys, want := range map[string][2]string{
		"\x04": {`status 6: erase token "contoso"? (type "ERASE" to continue): no answer; hint: `, ""},
		"\x03": {`status 130: erase token "contoso"? (type "ERASE" to continue): interrupted; hint: `, "^C"},
	} {
		p := start(t, "confirm", controlling)
		p.sees(question, 1)
		p.types(keys)
		p.ends(want[0], question+want[1]+"\n")
	}
}

// TestNoTerminal: no one can be asked, and an answer in a pipe is not taken.
func TestNoTerminal(t *testing.T) {
	const why = "/dev/tty cannot be opened and standard input is not a terminal; hint: "
	for job, want := range map[string]string{
		"password":    `status 2: cannot ask for the PIN of token "contoso": ` + why + "give --pin-file FILE",
		"new":         "status 2: cannot ask for the passphrase of card 1: " + why + "give --card-pin-file FILE",
		"ask":         "status 2: cannot ask for the holder of card 1: " + why + "give --holder NAME",
		"ask, no way": "status 2: cannot ask for the holder of card 1: " + why,
		"confirm":     "status 6: not confirmed: " + why,
		"hostile":     `status 2: cannot ask for the name of \x1b[2Jtoken: ` + why,
		"interactive": "false",
	} {
		start(t, job, none).ends(want, "")
	}
}

func TestInteractive(t *testing.T) {
	start(t, "interactive", controlling).ends("true", "")
	start(t, "interactive", standard).ends("true", "")
}
