package library

import (
	"encoding/binary"
	"io"
	"runtime"
	"strings"
)

// sharedObject is an ELF file as the dynamic linker sees it: by its segments and its
// dynamic section ("System V Application Binary Interface", chapters 4 and 5;
// elf(5)).
type sharedObject struct {
	mapped
	dynamic map[uint64]uint64 // the first value of each tag
}

// Where the headers of 64 bits have what is read here, in bytes, and its values.
const (
	elfMagic       = "\x7fELF"
	elfWide        = elfMagic + "\x02\x01" // ELFCLASS64, ELFDATA2LSB
	elfHeaderSize  = 64
	atType         = 16
	atMachine      = 18
	atSegments     = 32
	atSegmentSize  = 54
	atSegmentCount = 56
	isShared       = 3 // ET_DYN
	segmentSize    = 56
	isLoaded       = 1 // PT_LOAD
	isDynamic      = 2 // PT_DYNAMIC
	symbolSize     = 24
)

// Tags of the dynamic section.
const (
	tagHash    = 4          // DT_HASH
	tagStrings = 5          // DT_STRTAB
	tagSymbols = 6          // DT_SYMTAB
	tagOwnName = 14         // DT_SONAME
	tagGNUHash = 0x6ffffef5 // DT_GNU_HASH
)

// machines has the number of each processor that this program is built for.
var machines = map[string]uint16{"amd64": 62, "arm64": 183}

// elfExports returns the own name of a library that exports the entry point.
func elfExports(f io.ReaderAt) (name string, err error) {
	header := bytesOf(f, 0, elfHeaderSize)
	if header == nil {
		return "", errNone
	}
	number := func(at int) uint16 { return binary.LittleEndian.Uint16(header[at:]) }
	switch {
	case !strings.HasPrefix(string(header), elfWide) || number(atMachine) != machines[runtime.GOARCH]:
		return "", errMachine
	case number(atType) != isShared:
		return "", errNone
	}
	o := sharedObject{mapped{file: f}, map[uint64]uint64{}}
	if number(atSegmentSize) != segmentSize ||
		!o.readSegments(binary.LittleEndian.Uint64(header[atSegments:]), int(number(atSegmentCount))) {
		return "", errDamaged
	}
	if !o.exports(entryPoint) {
		return "", errOther
	}
	if at, named := o.dynamic[tagOwnName]; named {
		name = o.text(o.dynamic[tagStrings] + at)
	}
	return name, nil
}

// readSegments reads the table of segments, and the dynamic section. It reports
// whether both are there.
func (o *sharedObject) readSegments(at uint64, count int) bool {
	table := bytesOf(o.file, at, count*segmentSize)
	var dynamic uint64
	for ; len(table) > 0; table = table[segmentSize:] {
		number := func(at int) uint64 { return binary.LittleEndian.Uint64(table[at:]) }
		switch binary.LittleEndian.Uint32(table) {
		case isLoaded:
			o.parts = append(o.parts, part{offset: number(8), address: number(16), size: number(32)})
		case isDynamic:
			dynamic = number(8)
		}
	}
	return dynamic != 0 && o.readDynamic(dynamic)
}

// readDynamic reads the dynamic section, up to its end mark.
func (o *sharedObject) readDynamic(offset uint64) bool {
	for range mostRead {
		entry := bytesOf(o.file, offset, 16)
		if entry == nil {
			return false
		}
		tag, value := binary.LittleEndian.Uint64(entry), binary.LittleEndian.Uint64(entry[8:])
		if tag == 0 { // DT_NULL
			return true
		}
		if _, again := o.dynamic[tag]; !again {
			o.dynamic[tag] = value
		}
		offset += uint64(len(entry))
	}
	return false
}

// exports reports whether the library defines a symbol, by the hash table by which
// dlsym(3) finds it.
func (o *sharedObject) exports(name string) bool {
	if at, found := o.dynamic[tagGNUHash]; found {
		return o.inGNUHash(at, name)
	}
	at, found := o.dynamic[tagHash]
	return found && o.inHash(at, name)
}

// defines reports whether symbol i has that name and is defined in this library: an
// Elf64_Sym, whose index of a section, st_shndx, is then not 0.
func (o *sharedObject) defines(i uint32, name string) bool {
	symbol := o.bytes(o.dynamic[tagSymbols]+uint64(i)*symbolSize, symbolSize)
	return symbol != nil && binary.LittleEndian.Uint16(symbol[6:]) != 0 &&
		o.text(o.dynamic[tagStrings]+uint64(binary.LittleEndian.Uint32(symbol))) == name
}

// inHash looks a symbol up in a hash table of the System V ABI: the number of
// buckets and of symbols, the first symbol of each bucket, the next of each symbol.
func (o *sharedObject) inHash(at uint64, name string) bool {
	buckets, there := o.number(at)
	if !there || buckets == 0 {
		return false
	}
	i, there := o.number(at + 8 + 4*uint64(hash(name)%buckets))
	for range mostRead {
		if !there || i == 0 {
			return false
		}
		if o.defines(i, name) {
			return true
		}
		i, there = o.number(at + 8 + 4*uint64(buckets) + 4*uint64(i))
	}
	return false
}

// inGNUHash looks a symbol up in a table of GNU: four numbers, a filter, the first
// symbol of each bucket, the hashes of all symbols from the first in the table on.
// The last one of a bucket has its lowest bit set.
func (o *sharedObject) inGNUHash(at uint64, name string) bool {
	head := o.bytes(at, 16)
	if head == nil {
		return false
	}
	buckets, first, filter := binary.LittleEndian.Uint32(head), binary.LittleEndian.Uint32(head[4:]),
		binary.LittleEndian.Uint32(head[8:])
	at += 16 + 8*uint64(filter)
	if buckets == 0 {
		return false
	}
	want := gnuHash(name)
	i, there := o.number(at + 4*uint64(want%buckets))
	at += 4 * uint64(buckets)
	for range mostRead {
		if !there || i < first {
			return false
		}
		var found uint32
		found, there = o.number(at + 4*uint64(i-first))
		switch {
		case there && found|1 == want|1 && o.defines(i, name):
			return true
		case found&1 == 1:
			return false
		}
		i++
	}
	return false
}

// hash is that of the System V ABI, chapter 5, "Hash Table".
func hash(name string) (h uint32) {
	for _, c := range []byte(name) {
		h = h<<4 + uint32(c)
		h = h&0x0fffffff ^ h>>24&0xf0
	}
	return h
}

// gnuHash is that of DT_GNU_HASH: D. J. Bernstein's, of 32 bits.
func gnuHash(name string) uint32 {
	h := uint32(5381)
	for _, c := range []byte(name) {
		h = h*33 + uint32(c)
	}
	return h
}
