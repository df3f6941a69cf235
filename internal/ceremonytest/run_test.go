//go:build linux

package ceremonytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"byok/internal/ceremony"
	"byok/internal/kek"
	"byok/internal/plan"
	"byok/internal/rehearsal"
	"byok/internal/script"
	rehearsed "byok/internal/testkit/serve"
	"byok/internal/testkit/softhsm"
)

const runPlan = `version: 1
title: One key
purpose: follow the run
location: here
date: 2126-12-01
rehearsal: true
approver: {name: Grace}
roles: [{role: ceremony administrator, name: Carl}, {role: operator, name: Olga}, {role: connected operator, name: Omar}]
witnesses: [{name: Wim}, {name: Xenia}]
world: contoso
quorum: 2/3
holders: [{name: Ada, media: DIR/a}, {name: Ben, media: DIR/b}, {name: Cid, media: DIR/c}]
hsm: {model: SoftHSM, library: LIBRARY}
stick: DIR/stick
backup: DIR/backup
vaults:
`

// vaultOf and keyOf are lines of a plan.
func vaultOf(name, service, address string) string {
	return fmt.Sprintf("  - {name: %s, service: %s, address: %q, subscription: 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10,\n"+
		"     kek_name: KEKforBYOK, kek: %s, owner: {name: Vera}}\n", name, service, address, strings.ToUpper(name))
}

func keyOf(ident, kind, vaults string) string {
	return fmt.Sprintf("  - {ident: %s, name: The-%s, type: %s, purpose: signs, vaults: [%s]}\n", ident, ident, kind, vaults)
}

// held is a ceremony that people hold at two workstations.
type held struct {
	t      *testing.T
	dir    string
	vault  map[string]string // folder of each vault, by its address
	suffix map[string]string // of each vault's packages, by its address
	file   string            // of the plan
	steps  []script.Step
	cards  map[string]string // passphrases, by the holder
	drawn  string            // passphrase that was shown last
	comes  []interruption    // what is still to happen

	deviated bool // a deviation was recorded
}

// interruption is something that happens when a prompt comes for the first time.
type interruption struct {
	name   string
	at     script.Place
	prompt string // part of it
	page   string // part of what stands above it
	does   func(d *desk)
	status int // with which the run ends; 0: it goes on
}

// hold makes ready for a ceremony with vaults of these services, named hsm, premium and
// third, and keys.
func hold(t *testing.T, services []string, keys ...string) *held {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "stick", "stick/hsm", "stick/premium", "stick/third", "backup", "here"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	h := &held{
		t: t, dir: dir, vault: map[string]string{}, suffix: map[string]string{}, file: filepath.Join(dir, "plan.yaml"),
		cards: map[string]string{},
	}
	text := strings.NewReplacer("DIR", dir, "LIBRARY", softhsm.New(t)).Replace(runPlan)
	for i, service := range services {
		vault, state := rehearsed.Rehearsal(t, rehearsal.Config{Service: service})
		name := []string{"hsm", "premium", "third"}[i]
		h.vault[vault.URL], h.suffix[vault.URL] = state, strings.ToUpper(name)
		text += vaultOf(name, service, vault.URL)
	}
	text += "keys:\n" + strings.Join(keys, "")
	must(t, os.WriteFile(h.file, []byte(text), 0o600))
	p, err := plan.Parse(h.file, []byte(text))
	must(t, err)
	h.steps = script.Steps(p)
	return h
}

// TestRunOfSeveral holds a ceremony of several keys and vaults, to its end.
func TestRunOfSeveral(t *testing.T) {
	h := hold(t, []string{kek.ServiceManagedHSM, kek.ServiceVault}, keyOf("first", "P-256", "hsm, premium"),
		keyOf("second", "RSA-2048", "premium"))
	h.toTheEnd()
}

// TestRun holds a ceremony by ceremony run at both workstations, through
// pseudo-terminals of 80 columns and 24 lines, and has it end in every way at one step
// or another: the same command goes on each time, and no step is left out or done twice.
func TestRun(t *testing.T) {
	h := hold(t, []string{kek.ServiceManagedHSM}, keyOf("payroll", "P-256", "hsm"))
	h.comes = interruptions()
	h.toTheEnd()
}

// toTheEnd goes on at one workstation after the other until the ceremony is over, and
// looks at what is left of it.
func (h *held) toTheEnd() {
	t := h.t
	t.Helper()
	offline, online := h.desk(script.Disconnected), h.desk(script.Connected)
	for rounds := 0; ; rounds++ {
		if a, b := offline.goesOn(), online.goesOn(); a && b {
			break
		}
		if rounds > 10 {
			t.Fatal("the ceremony does not come to its end")
		}
	}
	for _, e := range h.comes {
		t.Errorf("%s: its prompt did not come", e.name)
	}
	h.allAttested(offline, online)
	for _, d := range []*desk{offline, online} {
		d.searched()
		if out, err := d.command("ceremony", "verify").CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", d.at, err, out)
		}
	}
	h.bundled(offline, online)
}

// bundled holds the record of the ceremony to what auditors make of it: it holds, and
// its report has each step attested, with the deviation and no alarm.
func (h *held) bundled(offline, online *desk) {
	h.t.Helper()
	must(h.t, os.WriteFile(filepath.Join(h.dir, "pin.secret"), []byte(runPIN+"\n"), 0o600))
	dir := h.audited(offline, online)
	report, err := os.ReadFile(filepath.Join(dir, "report.html"))
	must(h.t, err)
	for text, want := range map[string]bool{
		"was listed &lt;script&gt;before&lt;/script&gt;": h.deviated, "<script": false, "Do not rely on this record": false,
		"W. (Wim)": true, "X. (Xenia)": true,
	} {
		if strings.Contains(string(report), text) != want {
			h.t.Errorf("the report says %q: %t", text, !want)
		}
	}
}

// audited makes a bundle of the ceremony's record, which audit and its own script find
// whole, and returns its folder. The user PIN is in pin.secret.
func (h *held) audited(offline, online *desk) (dir string) {
	h.t.Helper()
	dir = filepath.Join(h.dir, "bundle")
	for _, c := range []*exec.Cmd{
		offline.command("ceremony", "bundle", "--plan", h.file, "--from", filepath.Join(h.dir, "stick"), "--from", online.kmdata,
			"--from", filepath.Join(h.dir, "here"), "--out", dir, "--pin-file", filepath.Join(h.dir, "pin.secret")),
		online.command("audit", dir),
		exec.Command("sh", filepath.Join(dir, "check.sh")),
	} {
		if out, err := c.CombinedOutput(); err != nil {
			h.t.Fatalf("%v: %v\n%s", c, err, out)
		}
	}
	return dir
}

// interruptions are everything that happens in the course of the ceremony.
func interruptions() []interruption {
	const run, well, initials = "press Enter to run it", "press Enter if it went", ", your initials for: "
	return []interruption{
		{"Ctrl-C at a step in the room", script.Disconnected, "press Enter when", " 1 of 24 ", (*desk).interrupt, 130},
		{"end of input at a step", script.Disconnected, "press Enter when", " 2 of 24 ", (*desk).endInput, 130},
		{"behind the filter of system calls", script.Disconnected, "press Enter when", " 2 of 24 ", (*desk).confined, 0},
		{"Ctrl-C at the initials", script.Disconnected, initials + "The disconnected", "", (*desk).interrupt, 130},
		{"Ctrl-Z, fg", script.Disconnected, initials + "The disconnected", "", (*desk).suspend, 0},
		{"a hang-up while others are waited for", script.Connected, `type "done"`, " 4 of 24 ", (*desk).hangUp, 130},
		{"killed before a step", script.Connected, run, " 4 of 24 ", (*desk).killed, 137},
		{"a second run of the same ceremony", script.Connected, run, " 4 of 24 ", (*desk).second, 0},
		{"a deviation", script.Disconnected, run, " 7 of 24 ", (*desk).deviates, 0},
		{"Ctrl-C in a step", script.Disconnected, "new user PIN", "", (*desk).interrupt, 130},
		{"a hang-up that the step does not hear", script.Disconnected, "typed back", "", (*desk).hangUp, 130},
		{"killed in a step", script.Disconnected, "typed back", "", (*desk).killed, 137},
		{"killed when a step is done", script.Disconnected, well, " 11 of 24 ", (*desk).killed, 137},
		{"another token", script.Disconnected, run, " 12 of 24 ", (*desk).otherToken, 6},
		{"killed in a quorum's session", script.Disconnected, "passphrase of Ben", "key generate", (*desk).killed, 137},
		{"a wrong passphrase, three times", script.Disconnected, "passphrase of Ada", "key generate", (*desk).mistypes, 0},
		{"Ctrl-C at the list", script.Disconnected, "approves the list", "", (*desk).interrupt, 130},
		{"another plan", script.Disconnected, "press Enter when", " 17 of 24 ", (*desk).otherPlan, 6},
		{"a signal to end, which the step does not hear", script.Connected, "hknso of the world", "", (*desk).terminate, 130},
		{"no to a step's question", script.Connected, "to continue)", "kek delete", (*desk).no, 0},
	}
}

// goesOn starts the run, answers what it asks until it waits for the other
// workstation, and reports whether it has come to its end instead.
func (d *desk) goesOn() bool {
	d.held.t.Helper()
	for d.start(); ; {
		shown, over := d.prompt()
		if over {
			d.screen.seen = 0
			d.ends(0)
			return true
		}
		if i := slices.IndexFunc(d.comes, func(e interruption) bool { return d.is(e, shown) }); i >= 0 {
			e := d.comes[i]
			d.comes = slices.Delete(d.comes, i, i+1)
			if e.does(d); e.status != 0 {
				d.ends(e.status)
				d.start()
			}
			continue
		}
		if strings.HasSuffix(shown, `type "done" once that is done:`) && !d.isReady(shown) {
			d.interrupt()
			d.ends(130)
			return false
		}
		d.types(d.answer(shown) + "\r")
	}
}

// is reports whether something is to happen at what is shown.
func (d *desk) is(e interruption, shown string) bool {
	at := strings.LastIndex(shown, e.prompt)
	return e.at == d.at && at >= 0 && len(shown)-at < 200 && strings.Contains(shown, e.page)
}

// isReady reports whether what a block of steps waits for is attested.
func (d *desk) isReady(shown string) bool {
	waiting := waits.FindAllStringSubmatch(shown, -1)
	n := number(d.held.t, waiting[len(waiting)-1][1])
	offline, online := d.attestations(script.Disconnected), d.attestations(script.Connected)
	return !slices.ContainsFunc(d.steps[:n-1], func(s script.Step) bool { return offline[s.ID]+online[s.ID] == 0 })
}

// attestations counts the attestations of each step in the log of a workstation.
func (h *held) attestations(at script.Place) map[string]int {
	return h.ended(at, func(e ceremony.Event) bool { return e.Command == "ceremony attest" })
}

// ended counts the commands of each step that ended well.
func (h *held) ended(at script.Place, which func(ceremony.Event) bool) map[string]int {
	count := map[string]int{}
	record, err := ceremony.Read(h.desk(at).kmdata)
	if err != nil {
		return count // no log yet; ceremony verify finds a bad one in the end
	}
	for _, e := range record.Events {
		if e.Result == ceremony.Success && which(e) {
			for _, n := range e.Notes {
				if n.Name == ceremony.NoteStep {
					count[n.Value]++
				}
			}
		}
	}
	return count
}

// allAttested holds both logs to the plan: each step is attested once, at its place,
// and each command that is recorded ended well once.
func (h *held) allAttested(desks ...*desk) {
	h.t.Helper()
	recorded := 0
	for _, s := range h.steps {
		for _, d := range desks {
			here := 0
			if s.Place == d.at || s.Place == script.Room && d.at == script.Disconnected {
				here = 1
			}
			if got := h.attestations(d.at)[s.ID]; got != here {
				h.t.Errorf("%s: step %s is attested %d times", d.at, s.ID, got)
			}
			done := h.ended(d.at, func(e ceremony.Event) bool { return e.Command != "ceremony attest" })[s.ID]
			if recorded += done; done > here {
				h.t.Errorf("%s: the command of step %s ended well %d times", d.at, s.ID, done)
			}
		}
	}
	want := 0
	for _, s := range h.steps {
		if s.Recorded() {
			want++
		}
	}
	if recorded != want {
		h.t.Errorf("%d commands are recorded as steps, want %d", recorded, want)
	}
}

// command is a command of the program at a workstation.
func (d *desk) command(words ...string) *exec.Cmd {
	c := exec.Command(binary(d.program), words...)
	c.Dir, c.Env = filepath.Join(d.dir, "here"), d.environment()
	return c
}
