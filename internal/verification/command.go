package verification

import (
	"slices"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
)

const text = `The vault uses the key on a fresh challenge, and the public key made offline
verifies the answer. What the vault says about the key is compared with what the
quorum approved: name, operations, export, release policy. Then the vault is
searched for other keys and versions with the same public key; one that may do
more than was approved is a failure.

The proof is written only if no rule fails.

With --all every key of the register is proved again: those that this
workstation's log says it uploaded, or those whose packages are in the folders of
--from, such as the USB stick or a bundle. Of a key that was approved twice for one
name the newest package counts. A vault that fails does not stop the others;
the exit status is then that of the worst failure. What the record says is gone
is listed, and is not a failure. Each KEK is looked for as well: one that is still
open, and one that was closed and is back, are named.

With --proof and no vault, a proof is checked again: its signature, and that it
is about the key of the package beside it.`

// Command is verify. step wraps what asks a vault, and shared are the options of
// worlds and vaults.
func (s Station) Command(p *command.Program, step func(command.Func) cli.ActionFunc, shared []cli.Flag) *cli.Command {
	one, all, recheck := step(s.One), step(s.All), p.Check(command.WithoutFiles(s.Recheck))
	return &cli.Command{
		Name:        "verify",
		Usage:       "have the vault prove that it holds the key made offline, as it was approved",
		Description: text,
		Action: func(c *cli.Context) error {
			switch {
			case c.Bool("all"):
				return all(c)
			case c.IsSet("proof") && !c.IsSet("vault") && !c.IsSet("rehearsal"):
				return recheck(c)
			}
			return one(c)
		},
		Flags: slices.Concat(flags(), shared),
	}
}

func flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "manifest", Usage: "`FILE` KeyTransferPackage-….manifest.json"},
		&cli.BoolFlag{Name: "all", Usage: "prove every key of the register"},
		&cli.StringSliceFlag{
			Name:  "from",
			Usage: "`DIR` with packages, or a bundle, for --all; once per folder (default: what the log says was uploaded)",
		},
		&cli.StringFlag{Name: "out", Usage: "`DIR` for the proofs of --all (default: beside each manifest)"},
		&cli.StringFlag{Name: "name", Usage: "`NAME` of the key in the vault (default: the one approved)"},
		&cli.StringFlag{Name: "version", Usage: "`VERSION` of it (default: the current one)"},
		&cli.StringFlag{
			Name:  "public-key",
			Usage: "`PEM` of the key, where another vendor's tool made the package; needs --name",
		},
		&cli.StringFlag{
			Name:  "nonce",
			Usage: "`HEX` of 32 bytes that an auditor chose, to date the proof (default: drawn here)",
		},
		&cli.StringFlag{
			Name: "proof",
			Usage: "`FILE` for the proof (default: beside the manifest, with the time); " +
				"without a vault, the proof to check again",
		},
	}
}
