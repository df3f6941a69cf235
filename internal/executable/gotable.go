package executable

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
)

// Table is what a program of Go has about its functions, stripped or not: the
// runtime prints stack traces from it, and collects garbage by it.
type Table struct {
	Functions  []Function // in the order of their addresses
	Names      []string   // of all functions, those included that were inlined everywhere
	Start, End uint64     // of the code that the table covers
}

// Function is a function's name and code.
type Function struct {
	Name       string // such as "net.(*Dialer).Dial"
	Start, End uint64
}

// magic begins the table of Go 1.20 and later (internal/abi.Go120PCLnTabMagic).
var magic = []byte{0xf1, 0xff, 0xff, 0xff, 0, 0}

// words are the places of 8 bytes in runtime.moduledata from its first on, and
// in the table's header after its first 8 bytes (Go 1.20 to 1.26).
const (
	moduleNames  = 1 // the text of all names
	moduleTable  = 13
	moduleIndex  = 16
	moduleCount  = 17
	moduleMinPC  = 20
	moduleMaxPC  = 21
	moduleText   = 22
	moduleLength = 24

	headerCount  = 0
	headerNames  = 3
	headerUnits  = 4
	headerTable  = 7
	headerLength = 8
)

// mostCandidates is how many places are looked at that begin as a table does. A
// program has one or two, and a search in all of the file follows on each.
const mostCandidates = 64

// tables finds the tables that the program's data points to, two at most: the
// second is one too many already.
func tables(i *Image) (found []Table) {
	candidates := 0
	for _, s := range i.Segments {
		for offset := 0; ; candidates++ {
			at := bytes.Index(s.Data[offset:], magic)
			if at < 0 {
				break
			}
			if candidates == mostCandidates || len(found) == 2 {
				return found
			}
			offset += at
			if t, ok := i.tableAt(s.Address + uint64(offset)); ok {
				found = append(found, t)
			}
			offset += len(magic)
		}
	}
	return found
}

// tableAt reads the table at an address if it is one.
func (i *Image) tableAt(address uint64) (t Table, ok bool) {
	data := view(i.At(address))
	var header [headerLength]uint64
	if decode(data, 8, &header, "a header") != nil || data[7] != 8 || header[headerUnits] < header[headerNames] {
		return Table{}, false
	}
	names, err := data.part(header[headerNames], header[headerUnits]-header[headerNames], "the names")
	module := i.module(address, header)
	if err != nil || module == nil {
		return Table{}, false
	}
	t = Table{Start: module[moduleMinPC], End: module[moduleMaxPC]}
	t.Functions, ok = functions(data, header, string(names), module)
	for name := range bytes.SplitSeq(names, []byte{0}) {
		t.Names = append(t.Names, string(name))
	}
	slices.Sort(t.Names)
	t.Names = slices.Compact(t.Names)
	return t, ok
}

// module finds runtime.moduledata, which points to the table, to its names and
// to its list of functions.
func (i *Image) module(table uint64, header [headerLength]uint64) []uint64 {
	pointer := binary.LittleEndian.AppendUint64(nil, table)
	for _, s := range i.Segments {
		for offset := 0; ; offset += 8 {
			at := bytes.Index(s.Data[offset:], pointer)
			if at < 0 {
				break
			}
			offset += at
			words := make([]uint64, moduleLength)
			if decode(s.Data, uint64(offset), words, "the module") == nil &&
				words[moduleNames] == table+header[headerNames] && words[moduleTable] == table+header[headerTable] {
				return words
			}
		}
	}
	return nil
}

// functions reads the list of functions: pairs of 32 bits, where the code begins
// and where in the table more is said, whose second word is the name's place.
func functions(data view, header [headerLength]uint64, names string, module []uint64) (list []Function, ok bool) {
	count := header[headerCount]
	if count > uint64(len(data))/8 || module[moduleCount] != count+1 {
		return nil, false
	}
	index := make([][2]uint32, count+1)
	if decode(data, header[headerTable], index, "the functions") != nil {
		return nil, false
	}
	for n := range index[:count] {
		var place [2]uint32
		if decode(data, header[headerTable]+uint64(index[n][1]), &place, "a function") != nil {
			return nil, false
		}
		f := Function{
			Name:  named(names, place[1]),
			Start: module[moduleText] + uint64(index[n][0]),
			End:   module[moduleText] + uint64(index[n+1][0]),
		}
		if f.End < f.Start {
			return nil, false
		}
		list = append(list, f)
	}
	return list, true
}

// named returns a part of the names: what it takes of memory they have already.
func named(names string, at uint32) string {
	if uint64(at) >= uint64(len(names)) {
		return ""
	}
	name := names[at:min(uint64(at)+longest, uint64(len(names)))]
	name, _, _ = strings.Cut(name, "\x00")
	return name
}
