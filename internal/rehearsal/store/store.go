// Package store keeps the keys of a rehearsal vault: in memory, and in a file
// for each, which survives a restart. Nothing in it is protected.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"byok/internal/durable"
	"byok/internal/rehearsal/wire"
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// Record is a key: all its versions, the current one last.
type Record struct {
	Name     string    `json:"name"`
	Deleted  time.Time `json:"deleted,omitzero"`
	Versions []Version `json:"versions"`
}

// Current returns the newest version.
func (r Record) Current() Version { return r.Versions[len(r.Versions)-1] }

// Find returns the version asked for, or the current one for "".
func (r Record) Find(version string) (Version, error) {
	if version == "" {
		return r.Current(), nil
	}
	for _, v := range r.Versions {
		if strings.EqualFold(v.Version, version) {
			return v, nil
		}
	}
	return Version{}, wire.NotFound(r.Name, version)
}

// Store keeps every key in memory and in a file of its own, named after the
// key in lower case because names compare without case. Its errors are the
// service's answers.
type Store struct {
	dir     string
	mu      sync.Mutex
	records map[string]Record
	limbo   map[string]time.Time // until when a purged name stays taken
}

// Open reads the folder dir, which must exist.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, records: map[string]Record{}, limbo: map[string]time.Time{}}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) != ".json" {
			continue // what an interrupted write has left
		}
		r, err := readRecord(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		s.records[strings.ToLower(r.Name)] = r
	}
	return s, nil
}

// maxRecord is the size of a key's file in bytes that is read.
const maxRecord = 64 << 20

func readRecord(path string) (r Record, err error) {
	data, err := durable.ReadFile(path, maxRecord)
	if err != nil {
		return r, err
	}
	if err := strictjson.Unmarshal(path, data, maxRecord, &r); err != nil {
		return r, err
	}
	if len(r.Versions) == 0 || path != filepath.Join(filepath.Dir(path), strings.ToLower(r.Name)+".json") {
		return r, fmt.Errorf("%s: not a key of a rehearsal vault", path)
	}
	for i := range r.Versions {
		if err := r.Versions[i].decode(); err != nil {
			return r, fmt.Errorf("%s: version %s: %w", path, r.Versions[i].Version, err)
		}
	}
	return r, nil
}

func (s *Store) file(name string) string {
	return filepath.Join(s.dir, strings.ToLower(name)+".json")
}

// save puts r on disk, then in memory. The caller holds the lock.
func (s *Store) save(r Record) error {
	data, err := strictjson.Marshal(r)
	if err != nil {
		return err
	}
	if err := durable.Replace(s.file(r.Name), data, 0o600); err != nil {
		return err
	}
	s.records[strings.ToLower(r.Name)] = r
	return nil
}

// Add stores v as the key's new current version.
func (s *Store) Add(name string, v Version) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, exists := s.records[strings.ToLower(name)]
	switch {
	case time.Now().Before(s.limbo[strings.ToLower(name)]):
		return r, wire.BeingDeleted(name)
	case !exists:
		r.Name = name
	case !r.Deleted.IsZero():
		return r, wire.Recoverable(r.Name)
	}
	r.Versions = append(slices.Clone(r.Versions), v)
	return r, s.save(r)
}

// Live returns the key unless it is deleted.
func (s *Store) Live(name string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup(name, false)
}

// Deleted returns the key if it is deleted and recoverable.
func (s *Store) Deleted(name string) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup(name, true)
}

// lookup finds a key that is, or is not, deleted. The caller holds the lock.
func (s *Store) lookup(name string, deleted bool) (Record, error) {
	r, exists := s.records[strings.ToLower(name)]
	switch {
	case exists && deleted == !r.Deleted.IsZero():
		return r, nil
	case deleted:
		return Record{}, wire.DeletedNotFound(name)
	}
	return Record{}, wire.NotFound(name, "")
}

// All returns the live or the deleted keys.
func (s *Store) All(deleted bool) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(s.records)),
		func(r Record) bool { return r.Deleted.IsZero() == deleted })
}

// Change stores what f makes of a version.
func (s *Store) Change(name, version string, f func(*Version) error) (Record, Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.lookup(name, false)
	if err != nil {
		return r, Version{}, err
	}
	v, err := r.Find(version)
	if err != nil {
		return r, v, err
	}
	if err := f(&v); err != nil {
		return r, v, err
	}
	r.Versions = slices.Clone(r.Versions)
	i := slices.IndexFunc(r.Versions, func(o Version) bool { return o.Version == v.Version })
	r.Versions[i] = v
	return r, v, s.save(r)
}

// Delete makes the key recoverable, until when its name stays taken.
func (s *Store) Delete(name string) (Record, error) { return s.move(name, stamp.Now()) }

// Recover brings a deleted key back.
func (s *Store) Recover(name string) (Record, error) { return s.move(name, time.Time{}) }

// move sets when the key was deleted, zero for not, which must be a change.
func (s *Store) move(name string, deleted time.Time) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.lookup(name, deleted.IsZero())
	if err != nil {
		return r, err
	}
	r.Deleted = deleted
	return r, s.save(r)
}

// Purge destroys a deleted key.
func (s *Store) Purge(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.lookup(name, true); err != nil {
		return err
	}
	if err := durable.Remove(s.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delete(s.records, strings.ToLower(name))
	return nil
}

// Linger keeps a name taken for d, as after a purge: no new version under it.
func (s *Store) Linger(name string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limbo[strings.ToLower(name)] = time.Now().Add(d)
}
