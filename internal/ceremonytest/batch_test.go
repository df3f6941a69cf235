//go:build linux

package ceremonytest

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/script"
)

// batch is a ceremony by the commands of its plan, in which options answer what people
// are asked.
type batch struct {
	*held
	hknso string
	paper string              // number and first word of the last statement that was shown
	said  map[string][]string // by the owners of the vaults, by the addresses
}

// secret is the file of the user PIN, or of a card's passphrase.
func (b *batch) secret(name string) string { return filepath.Join(b.dir, name+".secret") }

// holdBatch begins with a ceremony that is made ready.
func holdBatch(h *held) *batch {
	b := &batch{held: h, said: map[string][]string{}}
	for _, name := range []string{"pin", "a", "b", "c"} {
		must(h.t, os.WriteFile(b.secret(name), []byte("the secret of "+name+"\n"), 0o600))
	}
	return b
}

// kindOf is what a step does, as its ID says.
func kindOf(s script.Step) string {
	kind, _, _ := strings.Cut(s.ID, ":")
	return kind
}

// line is the command of a step, with its answers.
func (b *batch) line(s script.Step) []string {
	return slices.Concat(s.Command, []string{"--plan", b.file}, b.answers(s))
}

// does does a step.
func (b *batch) does(s script.Step) {
	b.t.Helper()
	b.must(s.Place, b.line(s)...)
	switch kindOf(s) {
	case "kek":
		at := b.vaultOf(s)
		show := append([]string{"kek", "show", "--name", "KEKforBYOK", "--vault", at}, b.signIn(at)...)
		b.said[at] = []string{"--fingerprint", b.field(s.Place, "spki_sha256", show...), "--kid", b.field(s.Place, "kid", show...),
			"--said-by", "Vera"}
	case "world":
		b.hknso = b.field(s.Place, "hknso", "world", "info")
	}
}

// must runs a command that has to succeed.
func (b *batch) must(at script.Place, words ...string) string {
	b.t.Helper()
	c := b.desk(at).command(words...)
	var messages bytes.Buffer
	c.Stderr = &messages
	out, err := c.Output()
	if err != nil {
		b.t.Fatalf("%v: %v\n%s%s", words, err, out, &messages)
	}
	b.writesDown(messages.String())
	return string(out) + messages.String()
}

var shownStatement = regexp.MustCompile(`write down: (\d+), (\S+)`)

// writesDown keeps what goes to paper of what a command says.
func (b *batch) writesDown(said string) {
	if all := shownStatement.FindAllStringSubmatch(said, -1); len(all) > 0 {
		b.paper = strings.Join(all[len(all)-1][1:], " ")
	}
}

// vaultOf is the address of the vault that a step is about.
func (b *batch) vaultOf(s script.Step) string {
	if i := slices.Index(s.Command, "--vault"); i >= 0 {
		return s.Command[i+1]
	}
	for at, suffix := range b.suffix {
		if strings.HasSuffix(s.ID, ":"+strings.ToLower(suffix)) {
			return at
		}
	}
	return ""
}

// signIn are the options by which a command finds vaults.
func (b *batch) signIn(addresses ...string) (options []string) {
	for _, at := range addresses {
		options = append(options, "--rehearsal", b.vault[at])
	}
	return options
}

// owners are what the owners say whose KEKs a command is given, in that order.
func (b *batch) owners(words []string) (options []string) {
	for i, word := range words {
		for at, suffix := range b.suffix {
			if word == "-k" && strings.HasSuffix(words[i+1], "-"+suffix+"-1") {
				options = append(options, b.said[at]...)
			}
		}
	}
	return append(options, "--import-only")
}

// answers are the options that answer what a step asks.
func (b *batch) answers(s script.Step) []string {
	pin, all := []string{"--pin-file", b.secret("pin")}, b.signIn(slices.Sorted(maps.Keys(b.vault))...)
	quorum := append([]string{"--card-pin-file", b.secret("a"), "--card-pin-file", b.secret("b")}, pin...)
	switch kindOf(s) {
	case "kek", "close":
		return append(b.signIn(b.vaultOf(s)), "--yes")
	case "toolset":
		return b.signIn(b.vaultOf(s))
	case "install":
		zip, err := os.ReadFile(s.Command[len(s.Command)-1])
		must(b.t, err)
		return []string{"--sha256", fingerprint.Of(zip).String()}
	case "world":
		return slices.Insert(quorum, 4, "--card-pin-file", b.secret("c"))
	case "verify":
		return b.owners(s.Command)
	case "check", "package":
		return pin
	case "keys", "seal":
		return append(quorum, "--last-statement", b.paper)
	case "approve":
		return slices.Concat(quorum, b.owners(s.Command), []string{"--approve-unseen", "--last-statement", b.paper})
	case "upload":
		return append(all, "--hknso", b.hknso, "--yes", "--rate", "0")
	case "prove":
		return append(all, "--hknso", b.hknso)
	}
	return nil
}
