package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/term"
)

// uploadedView lists the keys that are now in the vault, and the files whose
// keys are not.
type uploadedView struct {
	Uploaded []uploadedKey `json:"uploaded"`
	Failed   []failedFile  `json:"failed,omitempty"`
	NotSent  []string      `json:"not_sent,omitempty"`
}

type uploadedKey struct {
	vaultKeyView
	File    string `json:"file"`
	Already bool   `json:"already"` // it was in the vault before; nothing was sent
}

type failedFile struct {
	File   string        `json:"file"`
	Status exitcode.Code `json:"status"`
	Error  string        `json:"error"`
	KID    string        `json:"kid,omitempty"` // a version that exists and is not to be used
}

// result is what came of the upload.
func (b *batch) result() (command.Result, error) {
	v := uploadedView{Uploaded: []uploadedKey{}}
	for _, p := range b.parcels {
		switch {
		case p.err != nil:
			f := failedFile{File: p.file, Status: exitcode.Of(p.err), Error: p.err.Error()}
			if p.done != nil {
				f.KID = p.done.Key.ID.String()
			}
			v.Failed = append(v.Failed, f)
		case p.done == nil:
			v.NotSent = append(v.NotSent, p.file)
		default:
			key, err := describeVaultKey(p.done.Key)
			if err != nil {
				return nil, err
			}
			v.Uploaded = append(v.Uploaded, uploadedKey{key, p.file, p.done.Already})
		}
	}
	return v, b.failure()
}

// Print shows one key with all its properties, as the seed's cmdlet did, and
// several in a table.
func (v uploadedView) Print(w io.Writer) error {
	if len(v.Uploaded)+len(v.Failed)+len(v.NotSent) > 1 {
		return v.printTable(w)
	}
	for _, k := range v.Uploaded {
		if err := k.Print(w); err != nil {
			return err
		}
	}
	return nil
}

func (v uploadedView) printTable(w io.Writer) error {
	rows := [][]string{{"FILE", "RESULT", "KEY"}}
	already := 0
	for _, k := range v.Uploaded {
		what := "uploaded"
		if k.Already {
			what = "already there"
			already++
		}
		rows = append(rows, []string{filepath.Base(k.File), what, k.Name + "/" + k.Version})
	}
	for _, f := range v.Failed {
		rows = append(rows, []string{filepath.Base(f.File), "failed, status " + strconv.Itoa(int(f.Status)), f.KID})
	}
	for _, file := range v.NotSent {
		rows = append(rows, []string{filepath.Base(file), "not sent"})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d uploaded, %d already there, %d failed, %d not sent\n", len(v.Uploaded)-already, already, len(v.Failed), len(v.NotSent))
	return err
}
