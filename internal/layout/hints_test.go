package layout

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// given names what a person or a medium chose: a file, a folder, a URL, a label.
// In a hint, which is pasted into a shell, it must be quoted.
var given = regexp.MustCompile(`(?i)(path|dir|file|folder|url|label|holder)\)?$`)

// prose are hints that name a file in a sentence and not in a command.
var prose = map[string]bool{
	"StatementsDir(c.dir)":         true,
	"s.Chain.KeyPath(r.Key.Ident)": true,
}

// TestHintsAreQuoted finds names in hints that are not quoted for the shell.
func TestHintsAreQuoted(t *testing.T) {
	hints, names := 0, 0
	for _, root := range []string{"internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && (d.Name() == "testkit" || d.Name() == "testdata"):
				return filepath.SkipDir
			case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			for _, h := range hintsOf(t, path) {
				hints++
				for _, name := range h.arguments {
					if given.MatchString(name) && !prose[name] {
						t.Errorf("%s: %s in a hint is not quoted: printable.Quote", h.at, name)
					}
					names++
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if hints < 100 {
		t.Errorf("only %d hints were found", hints)
	}
	t.Logf("hints: %d, with %d unquoted values that need no quotes", hints, names)
}

// hint is a call of a function or method Hint.
type hint struct {
	at        string   // file:line
	arguments []string // after the format, as they are written, without those that Quote makes
}

func hintsOf(t *testing.T, path string) (list []hint) {
	t.Helper()
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || calledName(call) != "Hint" {
			return true
		}
		h := hint{at: files.Position(call.Pos()).String()}
		args := call.Args
		if f, ok := call.Fun.(*ast.SelectorExpr); ok && isNamed(f.X, "exitcode") {
			args = args[1:] // the error
		}
		for _, a := range args {
			if inner, ok := a.(*ast.CallExpr); ok && calledName(inner) == "Quote" {
				continue
			}
			var text bytes.Buffer
			_ = printer.Fprint(&text, files, a)
			h.arguments = append(h.arguments, text.String())
		}
		list = append(list, h)
		return true
	})
	return list
}

// calledName is the last part of a called function's name.
func calledName(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

func isNamed(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}
