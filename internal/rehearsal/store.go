package rehearsal

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
	"byok/internal/stamp"
	"byok/internal/strictjson"
)

// keyVersion is one version of a key. A version in the store is never changed
// in place: what holds a copy may keep it.
type keyVersion struct {
	Version    string            `json:"version"` // 32 lower-case hex digits
	Type       string            `json:"kty"`     // RSA-HSM, EC-HSM, oct-HSM
	Curve      string            `json:"crv,omitzero"`
	Private    []byte            `json:"private"` // see decodeMaterial
	Ops        []string          `json:"key_ops"`
	Imported   bool              `json:"imported"` // not generated here
	Enabled    bool              `json:"enabled"`
	Exportable bool              `json:"exportable"`
	Policy     *releasePolicy    `json:"release_policy,omitzero"`
	NotBefore  time.Time         `json:"not_before,omitzero"`
	Expires    time.Time         `json:"expires,omitzero"`
	Created    time.Time         `json:"created"`
	Updated    time.Time         `json:"updated"`
	Tags       map[string]string `json:"tags,omitzero"`

	material material // decoded from Private
}

// record is a key: all its versions, the current one last.
type record struct {
	Name     string       `json:"name"`
	Deleted  time.Time    `json:"deleted,omitzero"`
	Versions []keyVersion `json:"versions"`
}

func (r record) current() keyVersion { return r.Versions[len(r.Versions)-1] }

// find returns the version asked for, or the current one for "".
func (r record) find(version string) (keyVersion, error) {
	if version == "" {
		return r.current(), nil
	}
	for _, v := range r.Versions {
		if strings.EqualFold(v.Version, version) {
			return v, nil
		}
	}
	return keyVersion{}, notFound(r.Name, version)
}

// store keeps every key in memory and in a file of its own, named after the
// key in lower case because names compare without case. Its errors are the
// service's answers.
type store struct {
	dir     string
	mu      sync.Mutex
	records map[string]record
	limbo   map[string]time.Time // until when a purged name stays taken
}

func openStore(dir string) (*store, error) {
	s := &store{dir: dir, records: map[string]record{}, limbo: map[string]time.Time{}}
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

func readRecord(path string) (r record, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := strictjson.Unmarshal(path, data, 64<<20, &r); err != nil {
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

// decode makes a version that was read usable, or fails if it is none that
// create or import would have stored.
func (k *keyVersion) decode() (err error) {
	if k.material, err = decodeMaterial(k.Type, k.Curve, k.Private); err != nil {
		return err
	}
	if _, err := checkOps(k.Type, k.Ops, true); err != nil {
		return err
	}
	if k.Exportable != (k.Policy != nil) {
		return errors.New("exportable and release_policy contradict each other")
	}
	return nil
}

func (s *store) file(name string) string {
	return filepath.Join(s.dir, strings.ToLower(name)+".json")
}

// save puts r on disk, then in memory. The caller holds the lock.
func (s *store) save(r record) error {
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

// add stores v as the key's new current version.
func (s *store) add(name string, v keyVersion) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, exists := s.records[strings.ToLower(name)]
	switch {
	case time.Now().Before(s.limbo[strings.ToLower(name)]):
		return r, beingDeleted(name)
	case !exists:
		r.Name = name
	case !r.Deleted.IsZero():
		return r, recoverable(r.Name)
	}
	r.Versions = append(slices.Clone(r.Versions), v)
	return r, s.save(r)
}

// live returns the key unless it is deleted.
func (s *store) live(name string) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup(name, false)
}

// deleted returns the key if it is deleted and recoverable.
func (s *store) deleted(name string) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookup(name, true)
}

// lookup finds a key that is, or is not, deleted. The caller holds the lock.
func (s *store) lookup(name string, deleted bool) (record, error) {
	r, exists := s.records[strings.ToLower(name)]
	switch {
	case exists && deleted == !r.Deleted.IsZero():
		return r, nil
	case deleted:
		return record{}, deletedNotFound(name)
	}
	return record{}, notFound(name, "")
}

// all returns the live or the deleted keys.
func (s *store) all(deleted bool) []record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(s.records)),
		func(r record) bool { return r.Deleted.IsZero() == deleted })
}

// change stores what f makes of a version.
func (s *store) change(name, version string, f func(*keyVersion) error) (record, keyVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.lookup(name, false)
	if err != nil {
		return r, keyVersion{}, err
	}
	v, err := r.find(version)
	if err != nil {
		return r, v, err
	}
	if err := f(&v); err != nil {
		return r, v, err
	}
	r.Versions = slices.Clone(r.Versions)
	i := slices.IndexFunc(r.Versions, func(o keyVersion) bool { return o.Version == v.Version })
	r.Versions[i] = v
	return r, v, s.save(r)
}

// delete makes the key recoverable, until when its name stays taken.
func (s *store) delete(name string) (record, error) { return s.move(name, now()) }

// recover brings a deleted key back.
func (s *store) recover(name string) (record, error) { return s.move(name, time.Time{}) }

// move sets when the key was deleted, zero for not, which must be a change.
func (s *store) move(name string, deleted time.Time) (record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.lookup(name, deleted.IsZero())
	if err != nil {
		return r, err
	}
	r.Deleted = deleted
	return r, s.save(r)
}

// purge destroys a deleted key.
func (s *store) purge(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.lookup(name, true); err != nil {
		return err
	}
	if err := os.Remove(s.file(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	delete(s.records, strings.ToLower(name))
	return syncFolder(s.dir)
}

// linger keeps a name taken for d, as after a purge: no new version under it.
func (s *store) linger(name string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limbo[strings.ToLower(name)] = time.Now().Add(d)
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// now is the vault's clock: UTC, whole seconds, as the service stamps keys.
func now() time.Time { return stamp.Now() }
