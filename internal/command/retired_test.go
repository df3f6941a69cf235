//go:build unix

package command_test

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
)

// TestRetired: a line of the retired procedure is said in today's words, and then
// done; one that cannot be done is refused with what to type instead.
func TestRetired(t *testing.T) {
	for _, c := range []struct {
		name, line string
		status     int
		said       string
	}{
		{"today's line comes first, and its Result line", "nfkminfo --output text --kmdata DIR", 0,
			"byok-offline: hint: today: byok-offline world info --output text --kmdata DIR\n"},
		{"a password has no place in it", "nfkminfo --kmdata https://u:hunter2@h", 0,
			"byok-offline: hint: today: byok-offline world info --kmdata 'https://***@h'\n"},
		{"help of today's command", "nfkminfo --help", 0, "byok-offline: hint: today: byok-offline world info --help\n"},
		{"an option that cannot be had", "nfkminfo -c --kmdata DIR", 2,
			"byok-offline: error: nfkminfo: --cardset-list: there are no operator card sets\n" +
				"byok-offline: hint: byok-offline world info --kmdata DIR\n"},
		{"the other program's", "Get-AzSubscription --cloud usgov", 2,
			"byok-offline: error: Get-AzSubscription belongs to byok-online, on the connected workstation\n" +
				"byok-offline: hint: byok-online subscription list --cloud usgov\n"},
		{"nothing does it", "createocs -m1", 2, "byok-offline: error: createocs: there are no operator cards: " +
			"keys are protected by the module, and approved by administrator cards\n" +
			"byok-offline: hint: byok-offline key generate --help\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program(nothing)
			p.Name, p.Console.Program = "byok-offline", "byok-offline"
			p.Commands = append(p.Commands, worldInfo(p))
			dir := t.TempDir()
			got := run(t, p, strings.Fields(strings.ReplaceAll(c.line, "DIR", dir))...)
			if want := strings.ReplaceAll(c.said, "DIR", dir); got.status != c.status || got.err != want {
				t.Errorf("status %d: %s\nwant %d: %s", got.status, got.err, c.status, want)
			}
			if ends := strings.HasSuffix(got.out, "Result: SUCCESS\n"); ends != (c.status == 0 && !strings.Contains(c.line, "--help")) {
				t.Errorf("%q", got.out)
			}
		})
	}
}

// worldInfo is "world info" of a program, which only looks.
func worldInfo(p *command.Program) *cli.Command {
	return &cli.Command{Name: "world", Usage: "a group of commands", Subcommands: []*cli.Command{
		{Name: "info", Usage: "a command that only looks", Action: p.Action(nothing)},
	}}
}
