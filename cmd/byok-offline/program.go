package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/choice"
	"byok/internal/command"
	"byok/internal/dialogue"
	"byok/internal/examples"
	"byok/internal/preflight"
	"byok/internal/script"
	"byok/internal/shared"
	"byok/internal/term"
	"byok/internal/unconfined"
	"byok/internal/version"
)

const usage = `One ceremony, on the workstation beside the HSM:

    byok-offline world create --module-path SO --acs-quorum 2/3 \
        --card DIR1 --card DIR2 --card DIR3
    byok-offline toolset install --to DIR KeyVault-BYOK-Tools-CONTOSO.zip
    byok-offline verify -k BYOK-KEK-pkg-CONTOSO-1 \
        -w BYOK-SecurityWorld-pkg-CONTOSO-1
    byok-offline key generate --ident contosokey --type RSA --size 2048 \
        --card DIR1 --card DIR3
    byok-offline acl modify --ident contosokey -k KEKPKG -w SWPKG \
        --key-friendly-name ContosoKey --card DIR1 --card DIR3
    byok-offline package --ident contosokey --subscription-id UUID --out USB

PINs and passphrases are asked for on the terminal; for unattended use give
--pin-file FILE, and one --card-pin-file FILE per --card.

Lines of the retired nCipher procedure are taken too: docs/from-ncipher.md.`

func program(in io.Reader, out, err io.Writer) *command.Program {
	p := &command.Program{
		Name: "byok-offline", Text: usage,
		Version: version.String(), Built: version.Built(), Examples: examples.Offline(), Choices: choice.Offline(),
		Usage:    "bring your own key: the disconnected workstation",
		Console:  &term.Console{Program: "byok-offline", In: in, Out: out, Err: err},
		Planned:  shared.Planner(script.Disconnected),
		Before:   preflight.Before,
		Prepare:  unconfined.Prepare,
		Explain:  dialogue.Unreached,
		HSMFlags: append([]cli.Flag{dialogue.TokenFlag(), unconfined.NetworkFlag()}, unconfined.Flags()...),
	}
	p.Commands = append([]*cli.Command{
		moduleCommands(p), worldCommands(p), toolsetCommands(p), verifyCommand(p), keyCommands(p), aclCommands(p),
		packageCommand(p), cardCommands(p), kmfileCommands(p), confineCommands(p),
		shared.Inspect(p), shared.Fingerprint(p), shared.Kit(p, shared.KitsOut()), ceremonyCommands(p),
	}, shared.About(p)...)
	return p
}
