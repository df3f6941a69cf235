//go:build linux

package ceremonytest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// everything lists the folders and files of the script with their hashes, the
// objects on its tokens among them: SoftHSM keeps each in a file. Left out is
// what shows that somebody looked: ceremony logs, locks, and the token's
// record of wrong PINs.
func (s *stage) everything() map[string]string {
	found := map[string]string{}
	s.walk(func(name string, d fs.DirEntry) error {
		if looking().MatchString(name) {
			return nil
		}
		if d.IsDir() {
			found[name] = "folder"
			return nil
		}
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		if errors.Is(err, fs.ErrPermission) {
			found[name] = "unreadable, as the script made it"
			return nil
		}
		sum := sha256.Sum256(data)
		found[name] = hex.EncodeToString(sum[:8])
		return err
	})
	return found
}

func looking() *regexp.Regexp {
	return regexp.MustCompile(`(^|/)kmdata(/local(/(ceremony\.jsonl|\.held-by|\.quorum-session))?)?$|/tokens/[^/]+/(token\.object|generation|[^/]+\.lock)$`)
}

// walk visits what is below the script's folder, by paths relative to it.
func (s *stage) walk(visit func(name string, d fs.DirEntry) error) {
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		name, err := filepath.Rel(s.dir, path)
		if err != nil {
			return err
		}
		return visit(name, d)
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// difference names what is in one listing and not in the other.
func difference(before, after map[string]string) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] == "" {
			lines = append(lines, "gone "+name)
		} else if after[name] != before[name] {
			lines = append(lines, "changed "+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if before[name] == "" {
			lines = append(lines, "new "+name)
		}
	}
	return strings.Join(lines, "\n")
}

// checkLeftovers finds what an interrupted run leaves: none was, or the next has
// cleaned up.
func (s *stage) checkLeftovers() {
	unfinished := regexp.MustCompile(`(^|/)\.[^/]*\.tmp-[^/]*$|(^|/)\.[^/]*\.partial(\.lock)?$|\.pending$|^\.tmp/.`)
	s.walk(func(name string, _ fs.DirEntry) error {
		if unfinished.MatchString(name) {
			s.t.Errorf("%s is left over", name)
		}
		return nil
	})
}

// checkSecrets searches all output and every file but the secrets' own for a
// PIN or passphrase, as it is, in hex and in base64.
func (s *stage) checkSecrets() {
	s.searchSecrets("what was printed", s.said.Bytes())
	s.walk(func(name string, d fs.DirEntry) error {
		if d.IsDir() && name == "secrets" {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		s.searchSecrets(name, data)
		return err
	})
}

func (s *stage) searchSecrets(where string, data []byte) {
	for _, name := range s.secretsIn(data) {
		s.t.Errorf("%s holds the secret %s", where, name)
	}
}

func (s *stage) secretsIn(data []byte) (names []string) {
	for name, value := range s.secrets {
		raw := []byte(value)
		for _, form := range []string{value, hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw)} {
			if bytes.Contains(data, []byte(form)) {
				names = append(names, name)
			}
		}
	}
	return names
}
