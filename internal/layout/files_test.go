package layout

import (
	"path/filepath"
	"strings"
	"testing"
)

// opening are the functions that open or read what a name leads to, whatever
// that is: a named pipe, which stops the program, or a device, which never ends.
var opening = []string{
	"os.Open", "os.OpenFile", "os.ReadFile", "os.Create", "os.WriteFile", "os.DirFS", "os.OpenRoot", "os.OpenInRoot",
	"unix.Open", "unix.Openat", "syscall.Open", "zip.OpenReader", "elf.Open", "ioutil.ReadFile", "tls.LoadX509KeyPair",
}

// openers are the files that may call them, each with its reason.
var openers = map[string]string{
	"internal/durable":                   "it is the package that all others read and write files through",
	"internal/access":                    "it makes new files for package durable",
	"internal/term/console_other.go":     "/dev/tty",
	"internal/term/console_windows.go":   "CONIN$ and CONOUT$",
	"internal/library/owner_windows.go":  "the folders above a library, for their access lists",
	"internal/kit/check.go":              "a folder of a kit, of which no more is listed than a kit may have",
	"internal/confine/process_linux.go":  "/proc",
	"internal/confine/landlock_linux.go": "the folder /, and a pipe of its own",
}

// TestFilesAreOpenedInOnePlace keeps every input of both programs behind
// package durable, which refuses whatever is not a file.
func TestFilesAreOpenedInOnePlace(t *testing.T) {
	found := map[string]bool{}
	for _, path := range sources(t) {
		for _, call := range namesIn(t, path, opening) {
			place := path
			if openers[place] == "" {
				place = filepath.Dir(path)
			}
			if found[place] = true; openers[place] == "" {
				t.Errorf("%s: read and write files with package durable, which refuses pipes and devices", call)
			}
		}
	}
	for place := range openers {
		if !found[place] {
			t.Errorf("%s opens no files any more: delete its row", place)
		}
	}
}

// sources lists the Go files that the two programs are made of.
func sources(t *testing.T) (paths []string) {
	t.Helper()
	for _, dir := range order() {
		if !strings.HasPrefix(dir, "cmd/") {
			dir = "internal/" + dir
		}
		files, err := filepath.Glob("../../" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", dir, files, err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				paths = append(paths, strings.TrimPrefix(file, "../../"))
			}
		}
	}
	return paths
}
