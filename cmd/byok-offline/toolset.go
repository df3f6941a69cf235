package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
)

func toolsetCommands(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:  "toolset",
		Usage: "install the toolset that the connected workstation made",
		Subcommands: []*cli.Command{{
			Name: "install", Usage: "check a toolset zip's hash and unpack it", ArgsUsage: "ZIP", Action: p.Step(installToolset),
			Flags: []cli.Flag{
				text("to", "`DIR` for the packages"),
				text("sha256", "the zip's published hash in `HEX`"),
				text("words", "the zip's published hash in `WORDS` (default: asked for)"),
			},
		}},
	}
}

func installToolset(r *command.Run) (command.Result, error) {
	zip, err := r.Arg("ZIP")
	if err != nil {
		return nil, err
	}
	dir, err := r.Required("to")
	if err != nil {
		return nil, err
	}
	want, err := wantedHash(r, zip)
	if err != nil {
		return nil, err
	}
	sum, err := fingerprint.File(zip)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	r.Event.AddInput(zip, sum)
	installed, err := toolset.Install(zip, dir, want)
	if err != nil {
		return nil, err
	}
	return describeInstalled(r, installed)
}

// wantedHash is the hash that came by another way than the zip.
func wantedHash(r *command.Run, zip string) (fingerprint.Sum, error) {
	hex, words := r.String("sha256"), r.String("words")
	switch {
	case hex != "" && words != "":
		return fingerprint.Sum{}, exitcode.Errorf(
			exitcode.Usage,
			"--sha256 and --words were both given: one of them is expected",
		)
	case hex != "":
		return parseHash("--sha256", hex)
	case words != "":
		return parseHash("--words", words)
	}
	return askHash(r, zip)
}

// askHash asks for the hash, again after a slip: 32 words are long.
func askHash(r *command.Run, zip string) (fingerprint.Sum, error) {
	for try := 1; ; try++ {
		text, err := r.Console.Ask("published hash of "+zip+", hex or words", "--sha256 HEX or --words WORDS")
		if err != nil {
			return fingerprint.Sum{}, err
		}
		sum, err := parseHash("published hash", text)
		if err == nil || try == 3 {
			return sum, err
		}
		r.Console.Warning("%v; try again", err)
	}
}

func parseHash(from, text string) (fingerprint.Sum, error) {
	sum, err := fingerprint.Parse(text)
	if err != nil {
		err = fmt.Errorf("%s: %w", from, err)
	}
	return sum, err
}

// installedView lists the packages that are now in place.
type installedView struct {
	Files []packedFile `json:"files"`
}

func describeInstalled(r *command.Run, i toolset.Installed) (command.Result, error) {
	var v installedView
	for _, path := range []string{i.KEK, i.SecurityWorld, i.Sums} {
		sum, err := fingerprint.File(path)
		if err != nil {
			return nil, err
		}
		r.Event.AddOutput(path, sum)
		v.Files = append(v.Files, packedFile{path, sum})
	}
	return v, nil
}

func (v installedView) Print(w io.Writer) error {
	var rows [][]string
	for _, f := range v.Files {
		rows = append(rows, []string{f.Path, f.SHA256.Groups()})
	}
	return term.Table(w, rows)
}
