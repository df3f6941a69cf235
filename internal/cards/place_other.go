//go:build !linux

package cards

import "path/filepath"

// Place has no device numbers on this system, so that outside rehearsals no
// folder is taken.
func (f folder) Place() (Place, error) {
	if _, err := f.stat(); err != nil {
		return Place{}, err
	}
	spot, err := filepath.EvalSymlinks(string(f))
	return Place{Spot: spot}, err
}
