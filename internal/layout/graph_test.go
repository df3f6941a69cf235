package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"byok/internal/version"
)

// node is a package of this module, as it is built for release.
type node struct {
	synopsis string   // the first sentence of its documentation
	imports  []string // packages of this module
	cgo      bool
}

// graph returns this module's packages by their names below byok/internal/ (or
// cmd/…). Packages with nothing but tests are left out.
func graph(t *testing.T) map[string]node {
	t.Helper()
	nodes, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

var loaded = sync.OnceValues(func() (map[string]node, error) {
	out, err := list("-json=ImportPath,Doc,Imports,GoFiles,CgoFiles", "byok/...")
	if err != nil {
		return nil, err
	}
	nodes := map[string]node{}
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p struct {
			ImportPath, Doc            string
			Imports, GoFiles, CgoFiles []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return nodes, nil
		} else if err != nil {
			return nil, err
		}
		if len(p.GoFiles)+len(p.CgoFiles) > 0 {
			nodes[short(p.ImportPath)] = node{p.Doc, ours(p.Imports), len(p.CgoFiles) > 0}
		}
	}
})

// ours keeps the packages of this module, shortened and sorted.
func ours(paths []string) []string {
	var names []string
	for _, path := range paths {
		if strings.HasPrefix(path, "byok/") {
			names = append(names, short(path))
		}
	}
	slices.Sort(names)
	return names
}

func short(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, "byok/"), "internal/")
}

// list runs go list with the tags and the experiment of the release.
func list(args ...string) ([]byte, error) {
	cmd := goCommand(append([]string{"list", "-tags", strings.Join(version.Tags(), ",")}, args...)...)
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return nil, errors.New("go list: " + string(failed.Stderr))
	}
	return out, err
}

// goCommand runs at the top of the repository.
func goCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOEXPERIMENT="+version.Experiment)
	return cmd
}

// reach returns the import paths of all that the package is made of.
func reach(t *testing.T, path string) []string {
	t.Helper()
	return lines(t, "-deps", "byok/"+path)
}

func lines(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := list(args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
