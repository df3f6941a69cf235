package report

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"byok/internal/bundle"
	"byok/internal/keykind"
	"byok/internal/kmdata"
	"byok/internal/statement"
)

// row is a statement of the quorum.
type row struct {
	Number  int
	Type    string
	Time    time.Time
	Present []string
	Words   string
	Checks  []check
}

const worldFile = bundle.Disconnected + "/world"

// fileOf is the name of a statement's file in a bundle.
func fileOf(e kmdata.Entry) string {
	if e.Number() == 1 {
		return worldFile
	}
	return fmt.Sprintf("%s/statements/%06d-%s.json", bundle.Disconnected, e.Number(), typeOf(e))
}

func typeOf(e kmdata.Entry) string {
	return strings.TrimPrefix(statement.HeaderOf(e.Statement).Type, "byok-")
}

func (s *Source) statements() []row {
	var rows []row
	signer := worldFile
	for _, e := range s.Disconnected.Chain.Entries() {
		h := statement.HeaderOf(e.Statement)
		file := fileOf(e)
		stem := strings.TrimSuffix(file, ".json")
		r := row{
			Number:  h.Number,
			Type:    typeOf(e),
			Time:    h.Time,
			Present: holders(h.Present),
			Words:   e.Sum.FirstWords(8),
			Checks:  []check{s.places.signature(file, stem+".sig", signer)},
		}
		if _, ok := e.Statement.(*statement.Cards); ok {
			signer = file
			r.Checks = append(r.Checks, s.places.signature(file, stem+".new.sig", signer))
		}
		rows = append(rows, r)
	}
	return rows
}

func holders(list []statement.CardHolder) []string {
	names := make([]string, len(list))
	for i, h := range list {
		names[i] = h.Holder
	}
	return names
}

// certifies is the file of the statement that certifies the module signing key by
// which a file was signed; "" where none does.
func (s *Source) certifies(module, file string) string {
	var found string
	for _, e := range s.Disconnected.Chain.Entries() {
		m, ok := e.Statement.(*statement.Module)
		if !ok || m.Module != module {
			continue
		}
		kml, err := m.Signer()
		if err == nil && keykind.VerifySignature(kml, s.Files[file], s.Files[kmdata.SignaturePath(file)]) == nil {
			found = fileOf(e)
		}
	}
	return found
}

// signedByModule checks a file of kmdata that a module signed.
func (s *Source) signedByModule(module, file string) check {
	holder := s.certifies(module, file)
	if holder == "" {
		s.problem(file, errors.New("it is not signed by a module signing key that a statement certifies"))
		return s.places.hash(file)
	}
	return s.places.signature(file, kmdata.SignaturePath(file), holder)
}

// module is an HSM of the world, as its newest statement says.
type module struct {
	*statement.Module
	Failed int // probes that did not hold
	Check  check
}

func (s *Source) modules() []module {
	var list []module
	for _, m := range s.Disconnected.Chain.Modules() {
		failed := 0
		for _, f := range m.Findings {
			if f.Outcome != "held" {
				failed++
			}
		}
		list = append(list, module{m, failed, s.statementCheck(m.Number)})
	}
	return list
}
