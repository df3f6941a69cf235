package transfer

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"byok/internal/exitcode"
	"byok/internal/kmdata"
)

// Reader reads packages and lists every folder once, when it reads the first
// package there: what is put into the folder later may go unnoticed. Statements that
// its packages have in common are verified once. The zero value is ready to use, by
// one goroutine.
type Reader struct {
	folders   map[string]folder
	certifier kmdata.Certifier
}

// folder has the names of the files of a folder that are named like card
// replacements, by what stands before [cardsMark].
type folder map[string][]string

// cardsMark separates the name of a package from the number of a card set.
const cardsMark = ".cards-"

func (r *Reader) folder(dir string) (folder, error) {
	if f, listed := r.folders[dir]; listed {
		return f, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	f := folder{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			f.add(e.Name())
		}
	}
	if r.folders == nil {
		r.folders = map[string]folder{}
	}
	r.folders[dir] = f
	return f, nil
}

// add files a name under every package that it may belong to: the name of a
// package may have cardsMark in it.
func (f folder) add(name string) {
	for at := 0; ; at++ {
		next := strings.Index(name[at:], cardsMark)
		if next < 0 {
			return
		}
		at += next
		f[name[:at]] = append(f[name[:at]], name)
	}
}

// cardSets lists the card sets whose replacement files lie beside the .byok,
// which must be 2 and so on without a gap.
func (r *Reader) cardSets(n FileNames) ([]int, error) {
	dir, stem := filepath.Dir(n.stem), filepath.Base(n.stem)
	files, err := r.folder(dir)
	if err != nil {
		return nil, err
	}
	var sets []int
	for _, name := range files[stem] {
		text := strings.TrimSuffix(strings.TrimPrefix(name, stem+cardsMark), ".json")
		set, err := strconv.Atoi(text)
		if path := filepath.Join(dir, name); err != nil || filepath.Clean(n.Cards(set)) != path {
			return nil, exitcode.Errorf(exitcode.Usage, "%s: it is not named like a card replacement", path)
		}
		sets = append(sets, set)
	}
	slices.Sort(sets)
	for i, set := range sets {
		if set != i+2 {
			return nil, exitcode.Errorf(exitcode.Usage, "%s: there is no such file, but there is %s", n.Cards(i+2),
				n.Cards(set)).
				Hint(hintWhole)
		}
	}
	return sets, nil
}
