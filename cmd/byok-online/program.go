package main

import (
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/azure"
	"byok/internal/choice"
	"byok/internal/command"
	"byok/internal/examples"
	"byok/internal/planning"
	"byok/internal/rehearsal"
	"byok/internal/script"
	"byok/internal/shared"
	"byok/internal/term"
	"byok/internal/version"
)

const usage = `Before and after the ceremony, on the connected workstation:

    byok-online kek create --vault URL --name KEKforBYOK
    byok-online toolset build --vault URL --kek KEKforBYOK \
        --suffix CONTOSO --out DIR
    byok-online upload KeyTransferPackage-ContosoKey.byok --vault URL
    byok-online verify --vault URL \
        --manifest KeyTransferPackage-*.manifest.json
    byok-online kek delete --vault URL --name KEKforBYOK

For a rehearsal, "byok-online rehearsal serve" simulates the vault on this
machine; give --rehearsal DIR to the commands above.

Lines of the retired nCipher procedure are taken too: docs/from-ncipher.md.`

func program(in io.Reader, out, err io.Writer) *command.Program {
	p := &command.Program{
		Name:    "byok-online",
		Version: version.String(),
		Built:   version.Built(),
		Choices: choices(),
		Planned: shared.Planner(script.Connected, "rehearsal", "test-vault", "proof"),
		Text:    usage, Examples: examples.Online(),
		Usage:   "bring your own key: the connected workstation",
		Console: &term.Console{Program: "byok-online", In: in, Out: out, Err: err},
	}
	p.Commands = append([]*cli.Command{
		loginCommand(p),
		subscriptionCommands(p),
		vaultCommands(p),
		kekCommands(p),
		toolsetCommands(p),
		uploadCommand(p),
		verifyCommand(p),
		auditCommand(p),
		planning.Commands(p),
		rehearsalCommands(p),
		inspectCommand(p),
		shared.Fingerprint(p), shared.Kit(p, shared.KitsIn()),
		ceremonyCommands(p),
	}, shared.About(p)...)
	return p
}

// choices are what options take that take one of a few words.
func choices() map[string]choice.Choice {
	all := choice.Keys()
	all["auth"] = choice.Choice{Words: azure.Methods()}
	all["cloud"] = choice.Choice{Words: azure.CloudNames()}
	all["service"] = choice.Choice{Words: []string{rehearsal.ManagedHSM, rehearsal.Vault}}
	return all
}

// debuggable adds the service's raw answers to a failure, for --debug.
func debuggable(f command.Func) command.Func {
	return func(r *command.Run) (command.Result, error) {
		result, err := f(r)
		if detail := azure.Detail(err); detail != "" && r.Bool("debug") {
			r.Console.Debug(detail)
		}
		return result, err
	}
}
