//go:build unix

package handbook

import (
	"time"

	"github.com/urfave/cli/v2"

	"byok/internal/choice"
	"byok/internal/command"
	"byok/internal/term"
)

// Sample makes a program that has one of everything a program can have, and
// texts that a shell or man could take for something else.
func Sample() *command.Program {
	p := &command.Program{
		Name: "byok-test", Version: "1.2.3", Usage: "what the tests run",
		Text: "A session:\n\n    byok-test key make --ident contosokey \\\n        --holder 'Alice Smith'\n\n" +
			".dots begin a line, and 'quotes' as well.",
		Console: &term.Console{Program: "byok-test"},
		HSMFlags: []cli.Flag{
			&cli.StringFlag{Name: "token", Usage: "`URI` of the token", EnvVars: []string{"BYOK_TEST_TOKEN"}},
		},
		Examples: map[string]string{
			"look":     "byok-test look --module-path /usr/lib/softhsm/libsofthsm2.so",
			"key make": "byok-test key make --ident contosokey --holder 'Alice Smith' --holder Bob --type EC --size 256",
			"key list": "byok-test key list",
		},
		Choices: map[string]choice.Choice{"type": {Words: []string{"RSA", "EC", "AES"}}},
	}
	p.Commands = []*cli.Command{
		{
			Name:   "look",
			Usage:  "look at it (it's $HOME, `id`, \\n: \"here\"), or not",
			Action: p.Action(nil),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "module-path", Usage: "`LIBRARY` of the HSM", Required: true},
				&cli.DurationFlag{Name: "officer-wait", Usage: "`TIME` to wait", Value: time.Minute},
			},
		},
		{Name: "key", Usage: "a group of commands", Description: "More about it.", Subcommands: []*cli.Command{
			{Name: "list", Usage: "list them", Action: p.Action(nil)},
			{Name: "make", Usage: "make one", Action: p.Action(nil), Flags: sampleFlags(), Description: "More about it."},
		}},
	}
	return p
}

func sampleFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "ident", Usage: "`NAME` of the key", Required: true},
		&cli.StringSliceFlag{Name: "holder", Usage: "`PERSON` who holds a card; once per card", Required: true},
		&cli.StringFlag{Name: "type", Usage: "`KIND` of the key: RSA, EC or AES", Value: "RSA"},
		&cli.IntFlag{Name: "size", Usage: "`BITS` of it (default: what the type has)"},
		&cli.StringFlag{Name: "kek", Aliases: []string{"k"}, Usage: "`FILE` of the KEK"},
		&cli.StringFlag{Name: "out", Usage: "`DIR` for it", Value: "."},
		&cli.StringSliceFlag{Name: "tag", Usage: "`TEXT` of a tag"},
		&cli.BoolFlag{Name: "yes", Usage: "do not ask"},
		&cli.StringFlag{
			Name:  "client-certificate-password-file",
			Usage: "`FILE` with the password of KeyTransferPackage-ContosoFirstHSMkey.manifest.json, which nobody has",
		},
	}
}
