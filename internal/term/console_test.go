package term

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestMessages(t *testing.T) {
	say := func(quiet bool) (out, err string) {
		var o, e bytes.Buffer
		c := &Console{Program: "byok-offline", Out: &o, Err: &e, Quiet: quiet}
		c.Say("module #%d: %d cards of %d written", 1, 0, 3)
		c.Warning("quorum %d/%d: one card alone rebuilds the world", 1, 1)
		c.Error("%v", errors.New("token \"contoso\": wrong PIN"))
		c.Hint("byok-offline module list")
		return o.String(), e.String()
	}
	const rest = `byok-offline: warning: quorum 1/1: one card alone rebuilds the world
byok-offline: error: token "contoso": wrong PIN
byok-offline: hint: byok-offline module list
`
	if out, err := say(false); out != "" || err != "byok-offline: module #1: 0 cards of 3 written\n"+rest {
		t.Errorf("%q, %q", out, err)
	}
	if out, err := say(true); out != "" || err != rest {
		t.Errorf("quiet: %q, %q", out, err)
	}
}

func TestOneLineAMessage(t *testing.T) {
	var e bytes.Buffer
	c := &Console{Program: "byok-online", Err: &e}
	c.Error("%s: two\nlines \x1b[31mred", "100%d")
	if got, want := e.String(), "byok-online: error: 100%d: two\\nlines \\x1b[31mred\n"; got != want {
		t.Errorf("%q", got)
	}
}

// TestDebug: no line of a server's answer passes for a line of the program.
func TestDebug(t *testing.T) {
	var e bytes.Buffer
	c := &Console{Program: "byok-online", Err: &e}
	c.Debug("HTTP 403\r\nbyok-online: hint: rm -rf .\n\n\x1b[2J")
	const want = "byok-online: debug: HTTP 403\nbyok-online: debug: byok-online: hint: rm -rf .\n" +
		"byok-online: debug: \nbyok-online: debug: \\x1b[2J\n"
	if e.String() != want {
		t.Errorf("%q", e.String())
	}
}

func TestMessagesTogether(t *testing.T) {
	var e bytes.Buffer
	c := &Console{Program: "p", Err: &e}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() { c.Say("same") })
	}
	wait.Wait()
	if e.String() != strings.Repeat("p: same\n", 8) {
		t.Errorf("%q", e.String())
	}
}

func TestPrintable(t *testing.T) {
	for s, want := range map[string]string{
		"":                       "",
		`Schlüssel 鍵 "quoted" \`: `Schlüssel 鍵 "quoted" \`,
		"a\tb\r\nc":              `a\tb\r\nc`,
		"\x1b]0;title\x07":       `\x1b]0;title\a`,
		"\u202egnp.exe":          `\u202egnp.exe`,
		"zero\u200bwidth":        `zero\u200bwidth`,
		"no\u00a0break":          `no\u00a0break`,
		"C1 \u009b31m \xff":      `C1 \u009b31m \xff`,
		"replaced \ufffd":        "replaced \ufffd",
		"\U000e0041 tag":         `\U000e0041 tag`,
		"\x7f\x00":               `\x7f\x00`,
	} {
		if got := Printable(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("plain")
	f.Add("\x1b[2J\u202e\xff\n")
	f.Fuzz(func(t *testing.T, s string) {
		once := Printable(s)
		if strings.ContainsAny(once, "\x1b\n\r\u009b\u202e") || Printable(once) != once {
			t.Errorf("%q becomes %q", s, once)
		}
	})
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	err := Table(&b, [][]string{
		{"ident", "type", "permissions"},
		{"contosokey", "RSA-2048", "Sign Decrypt"},
		{"schlüssel", "", ""},
		{},
		{"鍵", "EC\n"},
		{"only one"},
	})
	want := `ident       type      permissions
contosokey  RSA-2048  Sign Decrypt
schlüssel

鍵          EC\n
only one
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	if err := Table(&b, nil); err != nil || b.String() != want {
		t.Errorf("an empty table: %v", err)
	}
	if err := Table(full{}, [][]string{{"x"}}); err != errFull {
		t.Errorf("%v", err)
	}
}

type full struct{}

var errFull = errors.New("no space left on device")

func (full) Write([]byte) (int, error) { return 0, errFull }
