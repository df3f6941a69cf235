//go:build linux

package ceremonytest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"byok/internal/script"
)

// desk is a workstation, with people before its terminal.
type desk struct {
	*held
	*seat
	at      script.Place
	program string
	kmdata  string
	softhsm string // another SoftHSM's configuration, or ""
	seen    string // on all screens before
	failed  int    // steps
}

func (h *held) desk(at script.Place) *desk {
	d := &desk{held: h, at: at, program: "byok-offline", kmdata: filepath.Join(h.dir, "disconnected")}
	if at == script.Connected {
		d.program, d.kmdata = "byok-online", filepath.Join(h.dir, "connected")
	}
	return d
}

func (d *desk) environment() []string {
	env := append(os.Environ(), "BYOK_KMDATA="+d.kmdata, "BYOK_CONFIG="+filepath.Join(d.dir, "config"), "TERM=xterm")
	if d.softhsm != "" {
		env = append(env, "SOFTHSM2_CONF="+d.softhsm)
	}
	return env
}

// start starts the run from a shell, on a new terminal.
func (d *desk) start() {
	d.held.t.Helper()
	words := []string{"ceremony", "run", "--plan", d.file}
	if d.at == script.Connected {
		for _, state := range d.vault {
			words = append(words, "--rehearsal", state)
		}
	}
	keyboard, terminal, err := pty.Open()
	must(d.held.t, err)
	defer terminal.Close()
	must(d.held.t, pty.Setsize(keyboard, &pty.Winsize{Rows: screenRows, Cols: screenColumns}))
	d.seat = &seat{t: d.held.t, keyboard: keyboard, screen: &screen{ended: make(chan struct{})}}
	d.found = d.settings()
	cmd := exec.Command("bash", append([]string{"-c", shell, "bash", binary(d.program)}, words...)...)
	cmd.Dir, cmd.Env = filepath.Join(d.dir, "here"), d.environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(d.held.t, cmd.Start())
	go d.screen.fill(keyboard)
	d.held.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		keyboard.Close()
	})
}

// ends waits for the end of the run, whose status is compared.
func (d *desk) ends(want int) {
	d.held.t.Helper()
	if want == 137 { // what the run had started says the last words
		d.screen.shows(func(all string) bool { return strings.Contains(all, "[status 137]") })
		d.seen += d.screen.String()
		return
	}
	status, left := d.seat.ended()
	d.seen += d.screen.String()
	if status != want || left != "" {
		d.held.t.Fatalf("%s: status %d, want %d; left for the shell %q; the screen is\n%s", d.at, status, want, left,
			d.screen.String())
	}
	const goesOn, another = "the same command goes on there", "is not the plan that this ceremony began by"
	if said := words(d.screen.String()); want != 0 && !strings.Contains(said, goesOn) && !strings.Contains(said, another) {
		d.held.t.Errorf("%s: no word of what goes on; the screen is\n%s", d.at, d.screen.String())
	}
}

// words are a text in which lines are broken where it does not matter.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// prompt waits for a question, or for the run to be over, and returns what the screen
// shows.
func (d *desk) prompt() (shown string, over bool) {
	d.held.t.Helper()
	found := d.screen.shows(func(all string) bool {
		shown = words(all[max(0, len(all)-4000):])
		over = strings.HasSuffix(all, "]\r\n") && strings.Contains(all, "[status ")
		return over || strings.HasSuffix(all, ": ") && question.MatchString(shown)
	})
	if !found {
		d.held.t.Fatalf("%s: no question comes; the screen is\n%s", d.at, d.screen.String())
	}
	return shown, over
}

// question is the end of a screen on which something is asked.
var question = regexp.MustCompile(`(press Enter[^:]*|type "done"[^:]*|initials for: [^:]*|what now[^:]*: [^:]*|` +
	`what is different[^:]*|\(type "yes" to continue\)|PIN for [^:]*|typed back|passphrase of .{0,200}|published hash [^:]*|` +
	`hex|owner said it|said so|first word|reads it|on the paper|hknso of the world|again):$`)

var (
	waits   = regexp.MustCompile(`([0-9]+) of [0-9]+ waits`)
	card    = regexp.MustCompile(`passphrase of (\w+)'s card`)
	persons = regexp.MustCompile(`(\w+), your initials for: [^:]*:$`)
	drawn   = regexp.MustCompile(`(?m)^ +[1-7]  ([a-z-]+)\r?$`)
	zips    = regexp.MustCompile(`(KeyVault-BYOK-Tools-\w+\.zip)`)
	list    = regexp.MustCompile(`list of [0-9]+: ([A-Za-z-]+)`)
)

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// answer is what people type at a question.
func (d *desk) answer(shown string) string {
	d.held.t.Helper()
	if m := persons.FindStringSubmatch(shown); m != nil {
		return m[1][:1] + "."
	}
	for _, a := range []struct {
		asked string // how the question ends
		text  func() string
	}{
		{"press Enter to clear them:", d.drawsWords},
		{"typed back:", func() string { return d.drawn }},
		{`type "done" once that is done:`, func() string { return "done" }},
		{`(type "yes" to continue):`, func() string { return "yes" }},
		{"or stop:", d.again},
		{"name of who said so:", func() string { return "Vera" }},
		{"first 8 words or hex:", func() string { return d.kek("spki_sha256") }},
		{"key identifier with its version, as the vault's owner said it:", func() string { return d.kek("kid") }},
		{"typing its first word:", func() string { return lastOf(list, d.screen.String()) }},
		{"as the vault's owner reads it:", d.cell},
		{"as it stands on the paper:", d.cell},
		{"hknso of the world:", func() string { return d.field(script.Disconnected, "hknso", "world", "info") }},
		{"hex or words:", d.hash},
	} {
		if strings.HasSuffix(shown, a.asked) {
			return a.text()
		}
	}
	enter, pin := strings.LastIndex(shown, "press Enter"), strings.LastIndex(shown, "PIN for token")
	switch passphrase := strings.LastIndex(shown, "passphrase of "); max(enter, pin, passphrase) {
	case passphrase:
		return d.cards[lastOf(card, shown)]
	case pin:
		return runPIN
	}
	return ""
}

// again has a step run once more, unless that does not help.
func (d *desk) again() string {
	d.held.t.Helper()
	if d.failed++; d.failed > 3 {
		d.held.t.Fatalf("%s: a step fails; the screen is\n%s", d.at, d.screen.String())
	}
	return "again"
}

// runPIN is the user PIN.
const runPIN = "0815-hunter-0815"

// drawsWords takes the words down that the screen shows to a card's holder.
func (d *desk) drawsWords() string {
	all := drawn.FindAllStringSubmatch(d.screen.String(), -1)
	var list []string
	for _, w := range all[len(all)-7:] {
		list = append(list, w[1])
	}
	d.drawn = strings.Join(list, " ")
	name := regexp.MustCompile(`(?s).*\x1b\[H[^\x1b]*?(Ada|Ben|Cid)`).FindStringSubmatch(d.screen.String())
	d.cards[name[1]] = d.drawn
	return ""
}

func lastOf(pattern *regexp.Regexp, text string) string {
	all := pattern.FindAllStringSubmatch(text, -1)
	return all[len(all)-1][1]
}

// kek is what a vault's owner says of the KEK that is asked about: that of the vault
// or of the package that the screen named last.
func (d *desk) kek(field string) string {
	shown, vault, last := d.screen.String(), "", -1
	for url, suffix := range d.suffix {
		at := max(strings.LastIndex(shown, url), strings.LastIndex(shown, "BYOK-KEK-pkg-"+suffix))
		if at > last {
			vault, last = url, at
		}
	}
	return d.field(script.Connected, field, "kek", "show", "--rehearsal", d.vault[vault], "--vault", vault, "--name", "KEKforBYOK")
}

// cell is a word of a fingerprint that people compare.
func (d *desk) cell() string { return cellOf(d.screen.String()) }

// hash is the SHA-256 of the toolset, as the connected operator published it.
func (d *desk) hash() string {
	out, err := exec.Command("sha256sum", filepath.Join(d.dir, "stick", lastOf(zips, d.screen.String()))).Output()
	must(d.held.t, err)
	return strings.Fields(string(out))[0]
}

// field is a text of a command's JSON.
func (h *held) field(at script.Place, name string, words ...string) string {
	h.t.Helper()
	out, err := h.desk(at).command(append(words, "--output", "json")...).Output()
	must(h.t, err)
	var answer struct{ Data map[string]any }
	must(h.t, json.Unmarshal(out, &answer))
	return fmt.Sprint(answer.Data[name])
}

// searched looks for what does not belong on a screen.
func (d *desk) searched() {
	d.held.t.Helper()
	for _, line := range misfits(d.seen) {
		if strings.HasSuffix(strings.TrimSpace(line), `\`) {
			continue // a command line with a long path, which is not broken
		}
		d.held.t.Errorf("this does not fit a screen of %d columns and %d lines:\n%s", screenColumns, screenRows, line)
	}
	unwanted := []string{runPIN, "goroutine"}
	for _, passphrase := range d.cards {
		unwanted = append(unwanted, passphrase)
	}
	for _, text := range unwanted {
		if strings.Contains(shownAlone.ReplaceAllString(d.seen, ""), text) {
			d.held.t.Errorf("%s: the screen shows %q", d.at, text)
		}
	}
}
