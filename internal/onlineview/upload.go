package onlineview

import (
	"byok/internal/exitcode"
	"byok/internal/term"
	"byok/internal/upload"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
)

// Upload lists the keys that are now in the vault, and the files whose keys are
// not.
type Upload struct {
	Uploaded []UploadedKey `json:"uploaded"`
	Failed   []FailedFile  `json:"failed,omitempty"`
	NotSent  []string      `json:"not_sent,omitempty"`
	Vaults   []VaultUpload `json:"vaults,omitempty"` // where there are several
}

// VaultUpload is what came of the packages for one of several vaults.
type VaultUpload struct {
	Vault    string `json:"vault"`
	Uploaded int    `json:"uploaded"`
	Already  int    `json:"already"` // they were in the vault before; nothing was sent
	Failed   int    `json:"failed"`
	NotSent  int    `json:"not_sent"`
	Error    string `json:"error,omitempty"` // why the vault got nothing
}

// UploadedKey is a key that is now in the vault.
type UploadedKey struct {
	Key
	File    string `json:"file"`
	Already bool   `json:"already"` // it was in the vault before; nothing was sent
}

// FailedFile is a file whose key is not in the vault, or not as it was asked for.
type FailedFile struct {
	File   string        `json:"file"`
	Status exitcode.Code `json:"status"`
	Error  string        `json:"error"`
	KID    string        `json:"kid,omitempty"` // a version that exists and is not to be used
}

// OfBatch returns what came of an upload.
func OfBatch(b *upload.Batch) (Upload, error) {
	v, err := OfItems(b.Items())
	if summaries := b.Summaries(); len(summaries) > 1 {
		for _, s := range summaries {
			one := VaultUpload{s.Vault, s.Sent - s.Already, s.Already, s.Failed, s.NotSent, ""}
			if s.Err != nil {
				one.Error = s.Err.Error()
			}
			v.Vaults = append(v.Vaults, one)
		}
	}
	return v, err
}

// OfItems returns what came of the files of an upload.
func OfItems(items []*upload.Item) (Upload, error) {
	v := Upload{Uploaded: []UploadedKey{}}
	for _, i := range items {
		kid := ""
		if i.Imported != nil {
			kid = i.Imported.Key.ID.String()
		}
		switch {
		case i.Err != nil:
			v.Failed = append(v.Failed, FailedFile{i.File, exitcode.Of(i.Err), i.Err.Error(), kid})
		case i.Imported == nil:
			v.NotSent = append(v.NotSent, i.File)
		default:
			key, err := OfKey(i.Imported.Key)
			if err != nil {
				return Upload{}, err
			}
			v.Uploaded = append(v.Uploaded, UploadedKey{key, i.File, i.Imported.Already})
		}
	}
	return v, nil
}

// Print implements command.Result. One key is shown with all its properties,
// several in a table.
func (v Upload) Print(w io.Writer) error {
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

func (v Upload) printTable(w io.Writer) error {
	rows := [][]string{{"FILE", "RESULT", "KEY"}}
	already := 0
	for _, k := range v.Uploaded {
		what := "uploaded"
		if k.Already {
			what = "already there"
			already++
		}
		rows = append(rows, []string{v.called(k.File), what, k.Name + "/" + k.Version})
	}
	for _, f := range v.Failed {
		rows = append(rows, []string{v.called(f.File), "failed, status " + strconv.Itoa(int(f.Status)), f.KID})
	}
	for _, file := range v.NotSent {
		rows = append(rows, []string{v.called(file), "not sent"})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	if err := v.printVaults(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d uploaded, %d already there, %d failed, %d not sent\n",
		len(v.Uploaded)-already, already, len(v.Failed), len(v.NotSent))
	return err
}

// called is a file's name; of several vaults' files its path, since two vaults may
// have packages of one name.
func (v Upload) called(file string) string {
	if len(v.Vaults) > 0 {
		return file
	}
	return filepath.Base(file)
}

// printVaults is a line for each of several vaults.
func (v Upload) printVaults(w io.Writer) error {
	if len(v.Vaults) == 0 {
		return nil
	}
	rows := [][]string{{"VAULT", "UPLOADED", "THERE", "FAILED", "NOT SENT"}}
	for _, o := range v.Vaults {
		rows = append(rows, []string{o.Vault, strconv.Itoa(o.Uploaded), strconv.Itoa(o.Already), strconv.Itoa(o.Failed),
			strconv.Itoa(o.NotSent)})
	}
	return term.Table(w, rows)
}
