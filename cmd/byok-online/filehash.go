package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/term"
	"byok/internal/toolset"
)

// verifyFiles hashes files and holds each hash to what is known of it.
func verifyFiles(r *command.Run) (command.Result, error) {
	if r.NArg() == 0 {
		return nil, exitcode.Hint(exitcode.Errorf(exitcode.Usage, "toolset verify needs a file"), "byok-online toolset verify KeyVault-BYOK-Tools-*.zip")
	}
	var v hashesView
	var bad []string
	for _, path := range r.Args().Slice() {
		sum, err := hashFile(r, path)
		if err != nil {
			return v, err
		}
		r.Event.AddInput(path, sum)
		one, err := judge(path, sum)
		if err != nil {
			return v, err
		}
		if !one.OK {
			bad = append(bad, filepath.Base(path)+": "+one.Verdict)
		}
		v.Files = append(v.Files, one)
	}
	if len(bad) > 0 {
		return v, exitcode.Hint(exitcode.Errorf(exitcode.Check, "%s", strings.Join(bad, "; ")),
			"compare the hash with one that came by another way; byok-online fingerprint FILE shows it in words")
	}
	return v, nil
}

// hashFile is for files of any size: it reads them once, shows how far it has
// come, and can be interrupted.
func hashFile(r *command.Run, path string) (fingerprint.Sum, error) {
	f, err := os.Open(path)
	if err != nil {
		return fingerprint.Sum{}, exitcode.Mark(exitcode.Usage, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fingerprint.Sum{}, err
	}
	if info.IsDir() {
		return fingerprint.Sum{}, exitcode.Errorf(exitcode.Usage, "%s: is a folder, a file is expected", path)
	}
	progress := r.Console.Progress(filepath.Base(path), info.Size())
	defer progress.Done()
	return fingerprint.Reader(&shown{r.Context.Context, f, progress})
}

// shown is a reader that tells a progress line, and ends with a context.
type shown struct {
	ctx context.Context
	io.Reader
	progress *term.Progress
}

func (s *shown) Read(p []byte) (int, error) {
	if s.ctx.Err() != nil {
		return 0, azure.ErrInterrupted
	}
	n, err := s.Reader.Read(p)
	s.progress.Add(int64(n))
	return n, err
}

// judge says what is known of a file's hash. The published hashes come first:
// they are part of this program, and a SHA256SUMS lies where the file does.
func judge(path string, sum fingerprint.Sum) (hashView, error) {
	v := hashView{File: path, SHA256: sum}
	if region, ok := toolset.RegionOf(sum); ok {
		v.OK, v.Verdict = true, "the published hash of "+region.Package+" for "+region.Name+", retired in June 2021"
		return v, nil
	}
	for _, region := range toolset.Regions() {
		if strings.EqualFold(region.Package, filepath.Base(path)) {
			v.Verdict = "not the published hash for " + region.Name
			return v, nil
		}
	}
	listed, err := listedHash(path)
	switch {
	case err != nil:
		return v, err
	case listed == nil:
		v.Verdict = "the hash is not known here"
	case *listed == sum:
		v.OK, v.Verdict = true, "as listed in the "+toolset.SumsName+" beside it"
	default:
		v.Verdict = "not the hash that the " + toolset.SumsName + " beside it lists"
	}
	return v, nil
}

// listedHash is the hash that a SHA256SUMS in the file's folder gives for its
// name, or nil.
func listedHash(path string) (*fingerprint.Sum, error) {
	sums := filepath.Join(filepath.Dir(path), toolset.SumsName)
	info, err := os.Stat(sums)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > toolset.MaxPackage {
		err = fmt.Errorf("%s: more than the %d bytes such a file may have", sums, toolset.MaxPackage)
	}
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	data, err := os.ReadFile(sums)
	if err != nil {
		return nil, exitcode.Mark(exitcode.Usage, err)
	}
	lines, err := toolset.ParseSums(data)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", sums, err)
	}
	for _, l := range lines {
		if l.Name == filepath.Base(path) {
			return &l.Sum, nil
		}
	}
	return nil, nil
}

// hashesView lists hashes as Get-FileHash does, with a verdict on each.
type hashesView struct {
	Files []hashView `json:"files"`
}

type hashView struct {
	File    string          `json:"file"`
	SHA256  fingerprint.Sum `json:"sha256"`
	OK      bool            `json:"ok"`
	Verdict string          `json:"verdict"`
}

func (v hashesView) Print(w io.Writer) error {
	rows := [][]string{{"", "SHA-256", "FILE", "VERDICT"}}
	for _, f := range v.Files {
		mark := "pass"
		if !f.OK {
			mark = "FAIL"
		}
		rows = append(rows, []string{mark, f.SHA256.String(), filepath.Base(f.File), f.Verdict})
	}
	return term.Table(w, rows)
}
