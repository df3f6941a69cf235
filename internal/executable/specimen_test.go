package executable

import (
	"bytes"
	"debug/elf"
	"debug/pe"
	"encoding/binary"
)

// at writes values into a file at an offset.
func at(file []byte, offset int, values ...any) {
	for _, v := range values {
		n, err := binary.Encode(file[offset:], binary.LittleEndian, v)
		if err != nil {
			panic(err)
		}
		offset += n
	}
}

// Where the specimens have things. Addresses of ELF are base plus the offset in
// the file, of PE base plus the section plus the offset in it.
const (
	base    = 0x400000
	dynamic = 0x300
	symbols = 0x400
	texts   = 0x500
	relocs  = 0x600
	table   = 0x800
	module  = 0xb00
	text    = 0xe00
	whole   = 0x1000
)

// specimenELF is a program with one segment: two imports, one relocation of its
// own, and a table of two functions of Go.
func specimenELF(machine elf.Machine) []byte {
	file := make([]byte, whole)
	header := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Phoff: 64, Phentsize: 56, Phnum: 4,
	}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	copy(file[0x200:], "/lib/ld.so\x00")
	at(file, 0, header)
	at(file, 64,
		elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Filesz: whole, Memsz: whole},
		elf.Prog64{Type: uint32(elf.PT_INTERP), Off: 0x200, Vaddr: base + 0x200, Filesz: 11},
		elf.Prog64{Type: uint32(elf.PT_DYNAMIC), Off: dynamic, Vaddr: base + dynamic, Filesz: 0x100},
		elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W)})
	at(file, dynamic,
		elf.Dyn64{Tag: int64(elf.DT_NEEDED), Val: 1}, elf.Dyn64{Tag: int64(elf.DT_STRTAB), Val: base + texts},
		elf.Dyn64{Tag: int64(elf.DT_SYMTAB), Val: base + symbols}, elf.Dyn64{Tag: int64(elf.DT_RELA), Val: base + relocs},
		elf.Dyn64{Tag: int64(elf.DT_RELASZ), Val: 72}, elf.Dyn64{})
	copy(file[texts:], "\x00libc.so.6\x00socket\x00own\x00connect\x00")
	at(file, symbols, elf.Sym64{}, elf.Sym64{Name: 11}, elf.Sym64{Name: 18, Shndx: 1, Value: base + text}, elf.Sym64{Name: 22})
	at(file, relocs,
		elf.Rela64{Off: base + module, Info: elf.R_INFO(0, relative["amd64"]), Addend: base + table},
		elf.Rela64{Info: elf.R_INFO(3, 6)}, elf.Rela64{Info: elf.R_INFO(2, 6)})
	if machine == elf.EM_AARCH64 {
		at(file, relocs, elf.Rela64{Off: base + module, Info: elf.R_INFO(1, relative["arm64"]), Addend: base + table})
	}
	goTable(file, base, 0, base+table)
	return file
}

// goTable writes the table of two functions, and the module that points to it.
func goTable(file []byte, memory uint64, section int, pointer uint64) {
	here := memory + table
	const names, units, list = 0x48, 0x80, 0xc0
	copy(file[section+table:], "\xf1\xff\xff\xff\x00\x00\x01\x08")
	at(file, section+table+8, [8]uint64{2, 0, 0, names, units, 0, 0, list})
	copy(file[section+table+names:], "main.main\x00net.Dial\x00inlined\x00")
	at(file, section+table+list, [6]uint32{0, 0x20, 16, 0x28, 32}, [2]uint32{})
	at(file, section+table+list+0x20, [2]uint32{0, 0}, [2]uint32{16, 10})
	var words [moduleLength]uint64
	words[0], words[moduleNames], words[moduleTable] = pointer, here+names, here+list
	words[moduleIndex], words[moduleCount] = here+list, 3
	words[moduleText], words[moduleMinPC], words[moduleMaxPC] = memory+text, memory+text, memory+text+32
	at(file, section+module, words)
}

// specimenPE is a program with one section: a library imported and one imported
// when it is first used.
func specimenPE() []byte {
	const raw, section = 0x400, 0x1000
	file := make([]byte, raw+whole)
	copy(file, "MZ")
	at(file, 0x3c, uint32(0x80))
	optional := pe.OptionalHeader64{Magic: 0x20b, ImageBase: base, SectionAlignment: 0x1000}
	optional.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_IMPORT].VirtualAddress = section + 0x100
	optional.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT].VirtualAddress = section + 0x200
	at(file, 0x80, [4]byte{'P', 'E'}, pe.FileHeader{
		Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1, SizeOfOptionalHeader: 240,
	}, optional, pe.SectionHeader32{
		VirtualAddress: section, VirtualSize: whole, PointerToRawData: raw, SizeOfRawData: whole,
		Characteristics: pe.IMAGE_SCN_MEM_EXECUTE | pe.IMAGE_SCN_MEM_WRITE,
	})
	at(file, raw+0x100, [10]uint32{0, 0, 0, section + 0x300, section + 0x340}) // lists from the second table alone
	at(file, raw+0x200, [16]uint32{1, section + 0x310, 0, 0, section + 0x360})
	copy(file[raw+0x300:], "WS2_32.dll\x00")
	copy(file[raw+0x310:], "winhttp.dll\x00")
	at(file, raw+0x340, [3]uint64{section + 0x380, 1<<63 | 12})
	at(file, raw+0x360, [2]uint64{section + 0x3a0})
	copy(file[raw+0x382:], "connect\x00")
	copy(file[raw+0x3a2:], "WinHttpOpen\x00")
	goTable(file, base+section, raw, base+section+table)
	return file
}

func specimens() [][]byte {
	return [][]byte{specimenELF(elf.EM_X86_64), specimenELF(elf.EM_AARCH64), specimenPE()}
}

// changed is a specimen with values written over it.
func changed(file []byte, offset int, values ...any) []byte {
	file = bytes.Clone(file)
	at(file, offset, values...)
	return file
}
