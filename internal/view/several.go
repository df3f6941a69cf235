package view

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/kmdata"
	"byok/internal/packing"
	"byok/internal/preflight"
	"byok/internal/printable"
	"byok/internal/statement"
	"byok/internal/term"
)

// Made are several keys that a command made.
type Made struct {
	Keys []MadeKey `json:"keys"`
}

// MadeKey is one of them.
type MadeKey struct {
	Key
	Earlier bool `json:"earlier"` // an earlier run made it
}

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
	shown, err := KeysOf(f.Chain, list)
	now := make(map[string]bool, len(f.Generations))
	for _, g := range f.Generations {
		now[g.Ident] = true
	}
	var v Made
	for _, k := range shown.Keys {
		v.Keys = append(v.Keys, MadeKey{k, !now[k.Ident]})
	}
	return v, err
}

// Print writes a key a line.
func (v Made) Print(w io.Writer) error {
	var l KeyList
	for _, k := range v.Keys {
		l.Keys = append(l.Keys, k.Key)
	}
	return l.Print(w)
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
	Earlier   bool   `json:"earlier"`        // an earlier session approved it
}

// CopiesOf shows what earlier sessions approved of the orders, and the wrapped copies
// that this one made: as [CopyOf] where one is asked for.
func CopiesOf(f *preflight.Facts, c *kmdata.Chain, files []*kmdata.Key) (command.Result, error) {
	if len(f.Orders) == 1 && len(files) == 1 {
		return CopyOf(c, files[0])
	}
	var v Approved
	for _, o := range f.Orders {
		if o.Before.Statement != nil {
			v.Pairs = append(v.Pairs, ApprovedPair{
				Ident: o.Ident, Name: o.Target.Name, Vault: o.Target.Vault,
				Statement: statement.HeaderOf(o.Before.Statement).Number, Earlier: true,
			})
		}
	}
	for _, k := range files {
		_, a, err := c.Authorization(k.Copy.Number)
		if err != nil {
			return nil, err
		}
		target := a.Pairs[k.Copy.Index].Target
		v.Pairs = append(v.Pairs, ApprovedPair{
			Ident: k.Ident, Name: target.Name, Vault: target.Vault, Statement: k.Copy.Number, Copy: k.Name(),
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
	Packages []PackageOfSeveral `json:"packages"`
}

// PackageOfSeveral is one of them.
type PackageOfSeveral struct {
	Package
	Earlier bool `json:"earlier"` // an earlier run wrote it
}

// PackagesOf hashes the files of packages, and records them: as [PackageOf] where
// it is one. earlier are those that earlier runs wrote.
func PackagesOf(r *command.Run, earlier, now []packing.Packed) (command.Result, error) {
	all := slices.Concat(earlier, now)
	if len(all) == 1 {
		return PackageOf(r, all[0])
	}
	var v Packages
	for i, p := range all {
		one, err := packageOf(r, p)
		if err != nil {
			return nil, err
		}
		v.Packages = append(v.Packages, PackageOfSeveral{one, i < len(earlier)})
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
