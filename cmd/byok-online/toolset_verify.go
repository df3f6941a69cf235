package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
)

func verifyFilesCommand(p *command.Program) *cli.Command {
	return &cli.Command{
		Name:      "verify",
		Usage:     "hash files and report which hashes are known (Get-FileHash)",
		ArgsUsage: "FILE …",
		Action:    p.Step(verifyFiles),
	}
}

// verifyFiles hashes files and compares each hash with what is known of it.
func verifyFiles(r *command.Run) (command.Result, error) {
	if r.NArg() == 0 {
		return nil, exitcode.Errorf(exitcode.Usage, "toolset verify needs a file").
			Hint("byok-online toolset verify KeyVault-BYOK-Tools-*.zip")
	}
	var v hashesView
	var bad []error
	for _, path := range r.Args().Slice() {
		sum, err := hashFile(r, path)
		if err != nil {
			return v, err
		}
		r.Event.AddInput(path, sum)
		known, err := toolset.Look(path, sum)
		if err != nil {
			return v, err
		}
		if !known.OK {
			bad = append(bad, fmt.Errorf("%s: %s", filepath.Base(path), known.Text))
		}
		v.Files = append(v.Files, hashView{path, sum, known.OK, known.Text})
	}
	if len(bad) > 0 {
		return v, exitcode.Errorf(exitcode.Check, "%w", errors.Join(bad...)).
			Hint("compare the hash with one received over another channel; byok-online fingerprint FILE shows it in words")
	}
	return v, nil
}

// hashFile is for files of any size: it reads them once, shows how far it has
// come, and can be interrupted.
func hashFile(r *command.Run, path string) (fingerprint.Sum, error) {
	f, err := durable.Open(path)
	if err != nil {
		return fingerprint.Sum{}, exitcode.Mark(exitcode.Usage, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fingerprint.Sum{}, err
	}
	progress := r.Console.Progress(filepath.Base(path), info.Size())
	defer progress.Done()
	return fingerprint.Reader(&shown{r.Context.Context, f, progress})
}

// shown is a reader that moves a progress line, and ends with a context.
type shown struct {
	ctx context.Context
	io.Reader
	progress *term.Progress
}

// Read implements io.Reader.
func (s *shown) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, azure.ErrInterrupted
	}
	n, err := s.Reader.Read(p)
	s.progress.Add(int64(n))
	return n, err
}

// hashesView lists hashes as Get-FileHash does, with what is known of each.
type hashesView struct {
	Files []hashView `json:"files"`
}

type hashView struct {
	File   string          `json:"file"`
	SHA256 fingerprint.Sum `json:"sha256"`
	OK     bool            `json:"ok"`
	Known  string          `json:"known"`
}

// Print implements command.Result.
func (v hashesView) Print(w io.Writer) error {
	rows := [][]string{{"", "SHA-256", "FILE", "KNOWN"}}
	for _, f := range v.Files {
		mark := "pass"
		if !f.OK {
			mark = "FAIL"
		}
		rows = append(rows, []string{mark, f.SHA256.String(), filepath.Base(f.File), f.Known})
	}
	return term.Table(w, rows)
}
