package kmdata

import (
	"slices"
	"sync"

	"byok/internal/fingerprint"
	"byok/internal/statement"
)

// Certifier verifies certificates that came from elsewhere. Statements that several
// have in common, byte for byte and with all that comes before them, are verified
// once. The zero value is ready to use, by any number of goroutines.
type Certifier struct {
	mu    sync.Mutex
	known map[fingerprint.Sum]Entry // verified statements, each by itself and all before it
}

// Certify verifies the statements of a certificate that came from elsewhere:
// the world file, the card replacements in the order of their numbers, the
// statement of the module, the authorization. Each must be signed by the KNSO
// in force, and a card replacement by its own as well; authorization and
// module must be of the last card set.
//
// This proves no more than that the files belong to one world. Which world
// that is, only [Certificate.Under] shows. A fault has status Check, and the
// error names the file.
func (m *Certifier) Certify(world File, cards []File, module, authorization File) (*Certificate, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &Certificate{Chain{partial: true}}
	types := append([]string{statement.TypeWorld}, slices.Repeat([]string{statement.TypeCards}, len(cards))...)
	types = append(types, statement.TypeModule, statement.TypeAuthorization)
	var before fingerprint.Sum
	for i, f := range slices.Concat([]File{world}, cards, []File{module, authorization}) {
		before = f.after(before, types[i])
		if e, known := m.known[before]; known {
			e.Path = f.Path
			c.chain.add(e)
			continue
		}
		s, err := statement.ParseAs(f.Path, types[i], f.Data)
		if err != nil {
			return nil, err
		}
		if err := c.chain.take(f, s); err != nil {
			return nil, err
		}
		m.keep(before, c.chain.Last())
	}
	return c, nil
}

// mostKept bounds the memory that statements take: packages of a few sessions of
// the quorum, side by side.
const mostKept = 100

func (m *Certifier) keep(sum fingerprint.Sum, e Entry) {
	if m.known == nil || len(m.known) >= mostKept {
		m.known = map[fingerprint.Sum]Entry{}
	}
	m.known[sum] = e
}

// after is the SHA-256 of a file as a statement of a type, and of all before it.
func (f File) after(before fingerprint.Sum, kind string) fingerprint.Sum {
	all := before[:]
	for _, part := range [][]byte{[]byte(kind), f.Data, f.Signature, f.Second} {
		sum := fingerprint.Of(part)
		all = append(all, sum[:]...)
	}
	return fingerprint.Of(all)
}
