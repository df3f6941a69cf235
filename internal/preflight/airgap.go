package preflight

import (
	"github.com/urfave/cli/v2"

	"byok/internal/airgap"
	"byok/internal/ceremony"
	"byok/internal/exitcode"
)

const requireAirgap = "require-airgap"

// AirgapFlag is the option by which a command refuses a workstation that is not
// disconnected, as far as package airgap can see; without it, a warning says so.
func AirgapFlag() cli.Flag {
	return &cli.BoolFlag{
		Name:  requireAirgap,
		Usage: "refuse where a network interface other than the loopback is up, or where that cannot be seen",
	}
}

// apart is the check that looks at the network interfaces in a folder. The record
// says what was seen.
func apart(dir string) Check {
	return Check{"the workstation looks disconnected, where that is required", func(f *Facts) error {
		seen := airgap.Look(dir)
		f.Run.Event.AddNote(ceremony.NoteInterfaces, seen.Text())
		return f.apart(seen)
	}}
}

func (f *Facts) apart(seen airgap.Sight) error {
	text, hint := seen.Warning()
	if text == "" {
		return nil
	}
	if f.Run.Bool(requireAirgap) {
		return exitcode.Errorf(exitcode.Refused, "--%s: %s", requireAirgap, text).Hint("%s", hint)
	}
	switch {
	case seen.Unseen != nil:
		text += "; " + hint
	case f.Run.Bool("hsm-network"):
		text += "; only the HSM's own network belongs there"
	default:
		text += "; the disconnected workstation has none"
	}
	f.Run.Warn(text)
	return nil
}
