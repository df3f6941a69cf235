// Package shared is the commands that byok-offline and byok-online both have:
// inspect, fingerprint, ceremony log and ceremony verify, and what a program says
// about itself: help, version, completion and manual. None of them needs an HSM
// or uses a network, and only manual --to writes, to the folder it is given.
//
// What one program alone has belongs to that program's own package.
package shared

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"byok/internal/command"
	"byok/internal/fingerprint"
	"byok/internal/term"
)

// Fingerprint is the command that shows a file's SHA-256 to a witness.
func Fingerprint(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:      "fingerprint",
		Usage:     "show a file's SHA-256 in hex and in words, to be read aloud",
		ArgsUsage: "FILE",
		Action: p.Action(command.WithFile("FILE", func(r *command.Run, path string) (command.Result, error) {
			sum, err := r.HashFile(path)
			if err != nil {
				return nil, err
			}
			return fingerprintView{path, sum, sum.Groups(), sum.Words()}, nil
		})),
	}
}

type fingerprintView struct {
	File   string          `json:"file"`
	SHA256 fingerprint.Sum `json:"sha256"`
	Groups string          `json:"groups"`
	Words  []string        `json:"words"`
}

// Print implements [command.Result].
func (v fingerprintView) Print(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s\n%s\n", term.Printable(filepath.Base(v.File)), v.SHA256.Groups()); err != nil {
		return err
	}
	for _, row := range v.SHA256.Rows() {
		if _, err := fmt.Fprintln(w, row); err != nil {
			return err
		}
	}
	return nil
}
