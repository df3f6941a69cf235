package linkage

import (
	"encoding/binary"
	"slices"
)

// signature is how a program begins that a system may start.
type signature struct {
	magic string
	is    func(file []byte) bool // it begins with magic
}

func signatures() []signature {
	return []signature{
		{"\x7fELF", elfHeader},
		{"PE\x00\x00", peHeader},
		{"This program cannot be run in DOS mode", func([]byte) bool { return true }},
	}
}

// programsInside finds whole programs in the file, in what is mapped and behind
// it. The file's own headers are the first ones.
func programsInside(s subject) (found []place) {
	for _, signature := range signatures() {
		for _, at := range occurrences(s.file, signature.magic) {
			if at > ownHeaders && signature.is(s.file[at:]) {
				found = append(found, place{what: "a program in the data"})
			}
		}
	}
	return found
}

// ownHeaders is where in a file its own headers begin at the latest: in a PE file
// behind a program for DOS.
const ownHeaders = 512

// elfHeader goes by what is usual, or by type and processor, since the kernel
// looks at nothing else.
func elfHeader(file []byte) bool {
	if len(file) < 20 {
		return false
	}
	usual := file[4] <= 2 && file[5] == 1 && file[6] == 1
	kind, machine := binary.LittleEndian.Uint16(file[16:]), binary.LittleEndian.Uint16(file[18:])
	return usual || (kind == 2 || kind == 3) && slices.Contains([]uint16{3, 40, 62, 183}, machine)
}

// peHeader goes by the processor, and by the kind of the header behind it.
func peHeader(file []byte) bool {
	if len(file) < 26 {
		return false
	}
	machine, kind := binary.LittleEndian.Uint16(file[4:]), binary.LittleEndian.Uint16(file[24:])
	return slices.Contains([]uint16{0x14c, 0x1c4, 0x8664, 0xaa64}, machine) && (kind == 0x10b || kind == 0x20b)
}
