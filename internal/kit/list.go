package kit

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"byok/internal/toolset"
)

// encode is the list of a kit.
func encode(files []File) []byte {
	lines := make([]toolset.SumLine, len(files))
	for i, f := range files {
		lines[i] = toolset.SumLine{Name: f.Name, Sum: f.SHA256}
	}
	return toolset.FormatSums(lines)
}

// decode reads a list that encode wrote, and refuses every other spelling of it. The
// files have no sizes yet.
func decode(data []byte) ([]File, error) {
	lines, err := toolset.ParseSums(data)
	if err != nil {
		return nil, err
	}
	files, taken := make([]File, len(lines)), places{}
	for i, l := range lines {
		if err := taken.add(l.Name); err != nil {
			return nil, fmt.Errorf("line %d: %.*q: %w", i+1, maxName, l.Name, err)
		}
		if l.Name == List {
			return nil, fmt.Errorf("line %d: a list does not name itself", i+1)
		}
		files[i] = File{Name: l.Name, SHA256: l.Sum}
	}
	if !slices.IsSortedFunc(files, byName) || !bytes.Equal(encode(files), data) {
		return nil, errors.New("the lines are not in the order of their names")
	}
	return files, nil
}

func byName(a, b File) int { return cmp.Compare(a.Name, b.Name) }
