package view

import (
	"fmt"
	"io"
	"path/filepath"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/keys"
	"byok/internal/kmdata"
	"byok/internal/preflight"
	"byok/internal/printable"
	"byok/internal/statement"
	"byok/internal/term"
)

// MadeOf shows the keys that a command made, now or in an earlier run: as [KeyOf]
// where it is one.
func MadeOf(f *preflight.Facts) (command.Result, error) {
	var list []*kmdata.Key
	for _, o := range f.Orders {
		k, err := f.Chain.Key(o.Ident)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	if len(list) == 1 {
		return KeyOf(f.Chain, list[0])
	}
	return KeysOf(f.Chain, list)
}

// Approved are several pairs that a quorum approved.
type Approved struct {
	Pairs []ApprovedPair `json:"pairs"`
}

// ApprovedPair is one of them, in short; key show says more.
type ApprovedPair struct {
	Ident     string `json:"ident"`
	Name      string `json:"name"` // in the vault
	Vault     string `json:"vault"`
	Statement int    `json:"statement"`
	Copy      string `json:"copy,omitempty"` // the wrapped copy's file
}

// CopiesOf shows wrapped copies that a session made: as [CopyOf] where it is one.
func CopiesOf(c *kmdata.Chain, files []*kmdata.Key) (command.Result, error) {
	if len(files) == 1 {
		return CopyOf(c, files[0])
	}
	var v Approved
	for _, k := range files {
		_, a, err := c.Authorization(k.Copy.Number)
		if err != nil {
			return nil, err
		}
		target := a.Pairs[k.Copy.Index].Target
		v.Pairs = append(v.Pairs, ApprovedPair{k.Ident, target.Name, target.Vault, k.Copy.Number, k.Name()})
	}
	return v, nil
}

// ApprovedOf shows what earlier sessions approved.
func ApprovedOf(f *preflight.Facts) (command.Result, error) {
	var v Approved
	for _, o := range f.Orders {
		v.Pairs = append(v.Pairs, ApprovedPair{
			Ident: o.Ident, Name: o.Target.Name, Vault: o.Target.Vault, Statement: statement.HeaderOf(o.Before.Statement).Number,
		})
	}
	return v, nil
}

// Print writes a pair a line.
func (v Approved) Print(w io.Writer) error {
	rows := [][]string{{"IDENT", "NAME", "VAULT", "STATEMENT"}}
	for _, p := range v.Pairs {
		rows = append(rows, []string{p.Ident, p.Name, p.Vault, fmt.Sprint(p.Statement)})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s approved\n", printable.Count(len(v.Pairs), "pair"))
	return err
}

// Packages are several transfer packages.
type Packages struct {
	Packages []Package `json:"packages"`
}

// PackagesOf hashes the files of packages, and records them: as [PackageOf] where
// it is one.
func PackagesOf(r *command.Run, packed []keys.Packed) (command.Result, error) {
	if len(packed) == 1 {
		return PackageOf(r, packed[0])
	}
	var v Packages
	for _, p := range packed {
		one, err := packageOf(r, p)
		if err != nil {
			return nil, err
		}
		v.Packages = append(v.Packages, one)
	}
	if len(v.Packages) == 0 {
		return nil, exitcode.Errorf(exitcode.Failed, "no package was written")
	}
	return v, nil
}

// Print writes a package a line, with the words that are compared on the other
// side.
func (v Packages) Print(w io.Writer) error {
	rows := [][]string{{"NAME", "VAULT", "FIRST WORDS OF THE .BYOK"}}
	for _, p := range v.Packages {
		rows = append(rows, []string{p.Pair.Target.Name, p.Pair.Target.Vault, p.Files[0].SHA256.FirstWords(4)})
	}
	if err := term.Table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s, the last in %s\n", printable.Count(len(v.Packages), "package"),
		term.Printable(filepath.Dir(v.Packages[len(v.Packages)-1].Files[0].Path)))
	return err
}
