//go:build linux

package ceremonytest

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
)

// prompt is one that a person answers.
type prompt struct {
	kind   kindOfPrompt
	text   string // without the colon
	answer string
}

type kindOfPrompt int

const (
	hidden  kindOfPrompt = iota // a secret is typed
	shown                       // a secret is on the screen, until Enter
	visible                     // what is typed shows
	word                        // a confirmation: everything else is a no
	entered                     // nothing is typed but Enter
)

const (
	typedPIN        = "hunter2hunter2"
	typedPassphrase = "correct horse battery"
	pinOf           = `user PIN for token "contoso" (serial 4711)`
)

// dialogues are the questions of a ceremony, in the order in which each command
// asks them.
func dialogues() map[string][]prompt {
	return map[string][]prompt{
		"user-pin":   {{hidden, pinOf, typedPIN}},
		"new-pin":    {{hidden, "new " + pinOf, typedPIN}, {hidden, "new " + pinOf + ", again", typedPIN}},
		"so-pin":     {{hidden, "present SO PIN of the token", typedPIN}},
		"passphrase": {{hidden, "passphrase of a card", typedPassphrase}},
		"drawn": {
			{shown, "press Enter to clear them", ""},
			{hidden, "new passphrase, typed back", drawnWords},
		},
		"own": {{hidden, "own passphrase", typedPassphrase}, {hidden, "own passphrase, again", typedPassphrase}},
		"said": {
			{visible, "KEK's fingerprint as the vault's owner said it, first 8 words or hex", typedSum.String()},
			{visible, "KEK's key identifier with its version, as the vault's owner said it", vaultsKID},
			{word, `did the vault's owner say that import is the key's only operation? (type "yes" to continue)`, "yes"},
			{visible, "name of who said so", "Olga"},
		},
		"list": {{visible, "a card holder approves the list by typing its first word", "abandon"}},
		"paper": {
			{visible, "number and first word of the last statement, from the paper record", "7 abandon"},
			{visible, "reason for what is missing, for the record", "the disk failed"},
		},
		"library": {
			{visible, "SHA-256 of the library from the vendor's release or the plan, first 8 words or hex", typedSum.String()},
			{visible, "serial number of the HSM, as printed on the device", "4711"},
		},
		"compare": {{visible, "column, as the vault's owner reads it", "@cell"}},
		"insert":  {{entered, "insert the next card and press Enter", ""}},
		"hash":    {{visible, "published hash of tools.zip, hex or words", typedSum.String()}},
		"holder":  {{visible, "holder of card 1, in a", "Alice"}},
		"confirm": {{word, `everything on the token will be destroyed (type "4711" to continue)`, "4711"}},
		"cards": {
			{hidden, "passphrase of Alice's card", typedPassphrase},
			{hidden, "passphrase of Bob's card", typedPassphrase},
		},
	}
}

// TestPrompts interferes with every prompt in every way. However a prompt ends,
// the terminal is as it was found, nothing of what was typed is left for the
// shell, no secret was ever on the screen, and no trace of the program either.
func TestPrompts(t *testing.T) {
	var held atomic.Int32
	all := 0
	t.Run("all", func(t *testing.T) {
		for command, prompts := range dialogues() {
			for at := range prompts {
				for _, i := range interferences() {
					all++
					t.Run(fmt.Sprintf("%s/%d/%s", command, at+1, i.name), func(t *testing.T) {
						t.Parallel()
						interfere(t, command, prompts, at, i)
						if !t.Failed() {
							held.Add(1)
						}
					})
				}
			}
		}
	})
	t.Logf("%d of %d", held.Load(), all)
}

// interference is what happens at a prompt.
type interference struct {
	name   string
	keys   string               // typed at the prompt
	signal func(p *seat)        // sent once the prompt is there
	goesOn bool                 // the prompt comes again, and is answered
	ends   map[kindOfPrompt]int // the exit status, where it does not go on; 0: this kind takes it for an answer
}

// everywhere is the status whatever is asked.
func everywhere(status int) map[kindOfPrompt]int {
	return map[kindOfPrompt]int{hidden: status, shown: status, visible: status, word: status, entered: status}
}

// half is what has been typed of an answer when something happens.
const half = "half of it"

func interferences() []interference {
	unanswered := map[kindOfPrompt]int{hidden: 2, visible: 2, shown: 6, word: 6, entered: 2}
	unfit := map[kindOfPrompt]int{hidden: 2, visible: 2, shown: 0, word: 6} // Enter is Enter where words are shown
	return []interference{
		{name: "Ctrl-C", keys: half + "\x03", ends: everywhere(130)},
		{name: `Ctrl-\`, keys: half + "\x1c", ends: everywhere(130)},
		{name: "Ctrl-D on half an answer", keys: half + "\x04", ends: unanswered},
		{name: "end of input", keys: "\x04", ends: unanswered},
		{name: "Ctrl-Z, fg", keys: half + "\x1a", goesOn: true},
		{name: "stopped, fg", keys: half, signal: (*seat).stop, goesOn: true},
		{name: "hang-up", keys: half, signal: (*seat).hangUp, ends: everywhere(130)},
		{name: "kill", keys: half, signal: (*seat).terminate, ends: everywhere(130)},
		{name: "crash", keys: half, signal: (*seat).crash, ends: everywhere(4)},
		{name: "10 kB", keys: strings.Repeat("0123456789", 1000) + "\n", ends: unfit},
		{name: "control characters", keys: "\x1b[A\x1b[1;5D\x07\x08\x1b]0;title\x07\n", ends: unfit},
	}
}
