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
	"time"

	"byok/internal/kek"
	"byok/internal/plan"
	"byok/internal/rehearsal"
	"byok/internal/script"
	rehearsed "byok/internal/testkit/serve"
	"byok/internal/testkit/softhsm"
)

const bookPlan = `version: 1
title: Two vaults
purpose: follow the book
location: here
date: 2126-12-01
rehearsal: true
approver: {name: Grace}
roles: [{role: ceremony administrator, name: Carl}, {role: operator, name: Olga}, {role: connected operator, name: Omar}]
world: contoso
quorum: 2/3
holders: [{name: Ada, media: DIR/a}, {name: Ben, media: DIR/b}, {name: Cid, media: DIR/c}]
hsm: {model: SoftHSM, library: LIBRARY}
stick: DIR/stick
backup: DIR/backup
vaults:
  - {name: hsm, service: managed-hsm, address: "HSM", subscription: 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10,
     kek_name: KEKforBYOK, kek: HSM, owner: {name: Vera}}
  - {name: premium, service: vault, address: "PREMIUM", subscription: 5f1b1f9e-7a54-4a40-b1ad-1b0d5e5b8f10,
     kek_name: KEKforBYOK, kek: PREMIUM, owner: {name: Vera}}
keys:
  - {ident: payroll, name: Payroll, type: P-256, purpose: signs, vaults: [hsm, premium],
     not_before: 2026-01-01, expires: 2127-01-01}
  - {ident: second, type: AES-256, purpose: enciphers, operations: [encrypt, decrypt], vaults: [hsm]}
`

// reader follows a book, and answers what a person would be asked by options.
type reader struct {
	t      *testing.T
	dir    string
	states map[string]string // folders of the rehearsal vaults, by address
	said   map[string][]string
	hknso  string
}

// TestBook types every command of a plan's book, in order, and nothing else: a key
// for two vaults, and a key for one.
func TestBook(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c", "stick", "backup", "connected", "disconnected", "here"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	for _, name := range []string{"pin", "a", "b", "c"} {
		must(t, os.WriteFile(filepath.Join(dir, name+".secret"), []byte(name+" of the book 4711\n"), 0o600))
	}
	hsm, hsmState := rehearsed.Rehearsal(t, rehearsal.Config{})
	premium, premiumState := rehearsed.Rehearsal(t, rehearsal.Config{Service: kek.ServiceVault})
	text := strings.NewReplacer("DIR", dir, "LIBRARY", softhsm.New(t), "HSM\"", hsm.URL+"\"", "PREMIUM\"", premium.URL+"\"").
		Replace(bookPlan)
	p, err := plan.Parse("plan.yaml", []byte(text))
	must(t, err)
	if found := p.Check(time.Now()); len(found) > 0 {
		t.Fatal(found)
	}
	r := reader{t, dir, map[string]string{hsm.URL: hsmState, premium.URL: premiumState}, map[string][]string{}, ""}
	typed := 0
	for _, s := range script.Steps(p) {
		for _, a := range s.Acts {
			if command, found := strings.CutPrefix(a.Does, "type: mkdir "); found {
				must(t, exec.Command("sh", "-c", "mkdir "+command).Run())
			}
		}
		if s.Command != nil {
			r.types(s)
			typed++
		}
	}
	if typed < 30 {
		t.Errorf("%d commands were typed", typed)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// types runs the command of a step, and keeps what people write down or say.
func (r *reader) types(s script.Step) {
	r.t.Helper()
	vault := r.vault(s)
	r.run(s.Place, slices.Concat(s.Command, r.answers(s, vault))...)
	switch s.Command[0] + " " + s.Command[1] {
	case "kek create":
		kid := r.field(script.Connected, "kid", "kek", "show", "--rehearsal", r.states[vault], "--vault", vault, "--name", "KEKforBYOK")
		sum := r.field(script.Connected, "spki_sha256", "kek", "show", "--rehearsal", r.states[vault], "--vault", vault,
			"--name", "KEKforBYOK")
		r.said[vault] = []string{"--fingerprint", sum, "--kid", kid, "--import-only", "--said-by", "Vera"}
	case "world create":
		r.hknso = r.field(script.Disconnected, "hknso", "world", "info")
	}
}

// vault is the address of the vault that a step is about, by its title or command.
func (r *reader) vault(s script.Step) string {
	for address := range r.states {
		if slices.Contains(s.Command, address) {
			return address
		}
	}
	for address, state := range r.states {
		service, err := os.ReadFile(filepath.Join(state, "service"))
		must(r.t, err)
		if strings.HasPrefix(string(service), kek.ServiceVault) == strings.Contains(s.ID, ":premium") {
			if strings.HasSuffix(s.ID, ":premium") || strings.HasSuffix(s.ID, ":hsm") {
				return address
			}
		}
	}
	return ""
}

// answers are the options by which a step's questions are answered.
func (r *reader) answers(s script.Step, vault string) (options []string) {
	for i, word := range s.Command {
		if i > 0 && s.Command[i-1] == "--card" {
			options = append(options, "--card-pin-file", word+".secret")
		}
	}
	pin := []string{"--pin-file", filepath.Join(r.dir, "pin.secret")}
	from := []string{"--rehearsal", r.states[vault]}
	switch command := s.Command[0]; command + " " + s.Command[1] {
	case "kek create", "kek delete":
		return append(from, "--yes")
	case "toolset build":
		return from
	case "toolset install":
		return append(options, "--sha256", r.sum(s.Command[len(s.Command)-1]))
	case "acl modify":
		return slices.Concat(options, pin, r.said[vault], []string{"--approve-unseen"})
	case "world create", "world check", "key generate", "ceremony seal":
		return append(options, pin...)
	default:
		switch {
		case command == "package":
			return pin
		case command == "upload":
			return append(from, "--hknso", r.hknso, "--yes")
		case command == "verify" && s.Place == script.Connected:
			return append(from, "--hknso", r.hknso)
		case command == "verify":
			return r.said[vault]
		}
	}
	return options
}

func (r *reader) sum(path string) string {
	out, err := exec.Command("sha256sum", path).Output()
	must(r.t, err)
	return strings.Fields(string(out))[0]
}

// run runs a command of the program of a place, which must succeed.
func (r *reader) run(at script.Place, words ...string) string {
	r.t.Helper()
	name, kmdata := "byok-offline", "disconnected"
	if at == script.Connected {
		name, kmdata = "byok-online", "connected"
	}
	c := exec.Command(filepath.Join(os.Getenv(programs), name), words...)
	c.Dir = filepath.Join(r.dir, "here")
	c.Env = append(os.Environ(), "BYOK_KMDATA="+filepath.Join(r.dir, kmdata), "BYOK_CONFIG="+filepath.Join(r.dir, "config"))
	var messages strings.Builder
	c.Stderr = &messages
	out, err := c.Output()
	if err != nil {
		r.t.Fatalf("%s %s: %v\n%s", name, strings.Join(words, " "), err, messages.String())
	}
	return string(out)
}

// field is a string field of a command's JSON.
func (r *reader) field(at script.Place, name string, words ...string) string {
	r.t.Helper()
	out := r.run(at, append(words, "--output", "json")...)
	_, rest, found := strings.Cut(out, fmt.Sprintf("%q: \"", name))
	if !found {
		r.t.Fatalf("no field %s in %s", name, out)
	}
	value, _, _ := strings.Cut(rest, `"`)
	return value
}
