package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// printing are the functions and streams that reach the terminal without a look
// at what they are given.
var printing = []string{
	"fmt.Print", "fmt.Printf", "fmt.Println", "os.Stdout", "os.Stderr", "log.Print", "log.Printf", "log.Println",
	"log.Fatal", "Console.Out", "Console.Err",
}

// printers are the files that may use them, each with its reason.
var printers = map[string]string{
	"cmd/byok-offline/main.go":                  "hands the streams on",
	"cmd/byok-online/main.go":                   "hands the streams on",
	"cmd/check-offline/main.go":                 "hands the streams on",
	"cmd/byok-online/rehearsal.go":              "the URL of the vault that was just started",
	"internal/child/again_linux.go":             "hands the streams on",
	"internal/child/again_other.go":             "hands the streams on",
	"internal/child/child.go":                   "hands the streams on",
	"internal/command/show.go":                  "every result passes through package printable here",
	"internal/command/tree.go":                  "the help, which is the program's own text",
	"internal/supervisor/supervisor_linux.go":   "hands the streams on",
	"internal/supervisor/supervisor_other.go":   "hands the streams on",
	"internal/supervisor/supervisor_windows.go": "hands the streams on",
	"internal/supervisor/worker.go":             "hands the streams on",
}

// TestOutputGoesThroughOneDoor keeps text of foreign origin from reaching the
// terminal by another way than packages term and command.
func TestOutputGoesThroughOneDoor(t *testing.T) {
	found := map[string]bool{}
	for _, path := range sources(t) {
		for _, use := range namesIn(t, path, printing) {
			if found[path] = true; printers[path] == "" {
				t.Errorf("%s: say it through term.Console, or return it as a result", use)
			}
		}
	}
	for path := range printers {
		if !found[path] {
			t.Errorf("%s prints nothing any more: delete its row", path)
		}
	}
}

// namesIn lists where a file uses one of these names, such as os.Open or
// Console.Out.
func namesIn(t *testing.T, path string, names []string) (uses []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "../../"+path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		of := ""
		switch x := s.X.(type) {
		case *ast.Ident:
			of = x.Name
		case *ast.SelectorExpr:
			of = x.Sel.Name
		}
		if name := of + "." + s.Sel.Name; slices.Contains(names, name) {
			uses = append(uses, fmt.Sprintf("%s:%d: %s", path, files.Position(s.Pos()).Line, name))
		}
		return true
	})
	return uses
}

// TestEveryResultIsTriedWithHostileText finds the results, by their method
// Print, and looks for each in the hostile_test.go beside it.
func TestEveryResultIsTriedWithHostileText(t *testing.T) {
	found, tried := 0, 0
	for _, path := range sources(t) {
		for _, name := range resultsIn(t, path) {
			found++
			test := filepath.Join("../..", filepath.Dir(path), "hostile_test.go")
			text, err := os.ReadFile(test)
			if err == nil && strings.Contains(string(text), "hostile.Try(t, \""+name+"\",") {
				tried++
				continue
			}
			t.Errorf("%s: %s is not tried with hostile text: add it to hostile_test.go there (%v)", path, name, err)
		}
	}
	t.Logf("results tried with hostile text: %d of %d", tried, found)
}

// resultsIn lists the types of a file with a method Print(io.Writer) error.
func resultsIn(t *testing.T, path string) (names []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../"+path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv == nil || f.Name.Name != "Print" || f.Type.Results.NumFields() != 1 {
			continue
		}
		if receiver, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
			names = append(names, receiver.Name)
		}
	}
	return names
}
