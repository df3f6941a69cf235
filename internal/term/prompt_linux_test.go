package term

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
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

// terminalOf says which terminal a job gets.
type terminalOf int

const (
	controlling terminalOf = iota // /dev/tty; standard streams are elsewhere
	standard                      // standard input and error; no /dev/tty
	none                          // standard input is a pipe with an answer in it
)

// person sits before a job's terminal.
type person struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	pipe   *os.File // to the job's standard input, unless that is the terminal
	out    bytes.Buffer
	read   chan struct{} // closed when the screen is complete

	mu     sync.Mutex
	screen bytes.Buffer
	more   *sync.Cond
}

// start starts a job on a terminal that does not say how wide it is, or has
// that many columns.
func start(t *testing.T, job string, where terminalOf, columns ...uint16) *person {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("pseudo-terminal (mount devpts on /dev/pts): %v", err)
	}
	for _, n := range columns {
		if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: n}); err != nil {
			t.Fatal(err)
		}
	}
	defer slave.Close()
	t.Cleanup(func() { master.Close() })
	p := &person{t: t, master: master, cmd: exec.Command(os.Args[0]), read: make(chan struct{})}
	p.more = sync.NewCond(&p.mu)
	p.cmd.Env = append(os.Environ(), jobVariable+"="+job, "GORACE=atexit_sleep_ms=0")
	stdin, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	t.Cleanup(func() { pipe.Close() })
	p.cmd.Stdin, p.pipe = stdin, pipe
	p.cmd.Stdout = &p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	switch where {
	case controlling:
		p.cmd.ExtraFiles = []*os.File{slave}
		p.cmd.SysProcAttr.Setctty, p.cmd.SysProcAttr.Ctty = true, 3
	case standard:
		p.cmd.Stdin, p.cmd.Stderr = slave, slave
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if where == none {
		p.reads("from the pipe")
	}
	go p.watch()
	return p
}

// reads gives the job a line on its standard input.
func (p *person) reads(line string) {
	p.t.Helper()
	if _, err := io.WriteString(p.pipe, line+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

// watch collects the screen until the job has let go of its terminal.
func (p *person) watch() {
	defer close(p.read)
	buf := make([]byte, 4096)
	for {
		n, err := p.master.Read(buf)
		p.mu.Lock()
		p.screen.Write(buf[:n])
		p.more.Broadcast()
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// sees waits until text has been on the screen so many times.
func (p *person) sees(text string, times int) {
	p.t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for strings.Count(p.screen.String(), text) < times {
		select {
		case <-p.read:
			p.t.Fatalf("the screen shows %q, want %q", p.screen.String(), text)
		default:
			p.more.Wait()
		}
	}
}

func (p *person) types(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, keys); err != nil {
		p.t.Fatal(err)
	}
}

// echo tells whether the terminal shows what is typed.
func (p *person) echo() bool {
	p.t.Helper()
	return p.settings().Lflag&unix.ECHO != 0
}

func (p *person) settings() *unix.Termios {
	p.t.Helper()
	settings, err := unix.IoctlGetTermios(int(p.master.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return settings
}

// ends waits for the job and compares what it returned and all that was shown.
func (p *person) ends(result, screen string) {
	p.t.Helper()
	err := p.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.t.Fatal(err)
	}
	<-p.read
	if got := strings.TrimSuffix(p.out.String(), "\n"); got != result {
		p.t.Errorf("returned %q, want %q", got, result)
	}
	if got := strings.ReplaceAll(p.screen.String(), "\r\n", "\n"); got != screen {
		p.t.Errorf("the screen shows\n%q, want\n%q", got, screen)
	}
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
			`status 2: PIN of token "contoso": ended by Ctrl-D and not by Enter, so nothing was taken; hint: `},
		"Ctrl-\\": {"hunt\x1c", `status 130: PIN of token "contoso": interrupted; hint: `},
		"arrow key": {"hunter\x1b[D\n",
			`status 2: PIN of token "contoso": a control character in it, such as that of an arrow key; hint: `},
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
// first question for a secret until Restore, but for visible answers.
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

func TestConfirm(t *testing.T) {
	const question = `erase token "contoso"? (type "ERASE" to go on): `
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
		"\x04": {`status 6: erase token "contoso"? (type "ERASE" to go on): no answer; hint: `, ""},
		"\x03": {`status 130: erase token "contoso"? (type "ERASE" to go on): interrupted; hint: `, "^C"},
	} {
		p := start(t, "confirm", controlling)
		p.sees(question, 1)
		p.types(keys)
		p.ends(want[0], question+want[1]+"\n")
	}
}

// TestNoTerminal: nobody can be asked, and an answer in a pipe is not taken.
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
