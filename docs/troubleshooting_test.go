package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMessages: each message of the troubleshooting page is one that a program
// prints: all its parts between the dots stand in one text of the sources, or in
// one line that a script of package ceremonytest expects.
func TestMessages(t *testing.T) {
	texts := slices.Concat(literals(t), expected(t))
	messages := 0
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(read(t, "troubleshooting.md")), -1) {
		messages++
		if !slices.ContainsFunc(texts, func(text string) bool { return saysAll(text, m[1]) }) {
			t.Errorf("no program says %q", m[1])
		}
	}
	if messages < 40 {
		t.Errorf("%d messages", messages)
	}
	t.Logf("%d messages among %d texts", messages, len(texts))
}

// saysAll reports whether a text of the sources has a message's parts in their order.
func saysAll(text, message string) bool {
	for part := range strings.SplitSeq(strings.ReplaceAll(message, ": …", "…"), "…") {
		_, rest, found := strings.Cut(text, strings.TrimSpace(part))
		if !found {
			return false
		}
		text = rest
	}
	return true
}

// expected are the lines of messages that scripts compare whole.
func expected(t *testing.T) (lines []string) {
	t.Helper()
	files, err := filepath.Glob("../internal/ceremonytest/testdata/script/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		for line := range strings.Lines(string(read(t, file))) {
			if strings.HasPrefix(line, "byok-") {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// literals are the string constants of the programs' sources, each as it is put
// together from its pieces.
func literals(t *testing.T) (texts []string) {
	t.Helper()
	for _, root := range []string{"../internal", "../cmd"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testkit/") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				e, isExpr := n.(ast.Expr)
				if text := joined(e); isExpr && text != "" {
					texts = append(texts, text)
					return false
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

// joined is the text of a string constant, or of a sum that holds one: what is
// computed in it counts as nothing.
func joined(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return joined(e.X) + joined(e.Y)
		}
	}
	return ""
}
