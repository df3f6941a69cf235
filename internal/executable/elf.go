package executable

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
)

// elfFile is what the parts of an ELF file are read with (elf(5)).
type elfFile struct {
	file    view
	image   *Image
	headers []elf.Prog64
	dynamic map[elf.DynTag]uint64
	needed  []uint64 // offsets in the string table
	folders []uint64
}

// architectures are those whose code package machinecode reads.
func architectures() map[elf.Machine]string {
	return map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}
}

// readELF reads a 64-bit little-endian program by its program headers.
func readELF(file view) (*Image, error) {
	var header elf.Header64
	if err := decode(file, 0, &header, "the header"); err != nil {
		return nil, err
	}
	if header.Ident[elf.EI_CLASS] != byte(elf.ELFCLASS64) || header.Ident[elf.EI_DATA] != byte(elf.ELFDATA2LSB) {
		return nil, errors.New("not a 64-bit little-endian ELF file")
	}
	arch, known := architectures()[elf.Machine(header.Machine)]
	if !known {
		return nil, fmt.Errorf("code for %v, which is not read here", elf.Machine(header.Machine))
	}
	if t := elf.Type(header.Type); t != elf.ET_EXEC && t != elf.ET_DYN {
		return nil, fmt.Errorf("%v, not a program", t)
	}
	e := elfFile{file: file, image: &Image{Format: "ELF", OS: "linux", Arch: arch}, dynamic: map[elf.DynTag]uint64{}}
	for _, step := range []func() error{
		func() error { return e.programHeaders(header) },
		e.load, e.stack, e.readDynamic, e.relocate,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return e.image, nil
}

// decode reads a structure at an offset of a file or of memory.
func decode(from view, offset uint64, into any, what string) error {
	part, err := from.part(offset, uint64(binary.Size(into)), what)
	if err != nil {
		return err
	}
	_, err = binary.Decode(part, binary.LittleEndian, into)
	return err
}

func (e *elfFile) programHeaders(header elf.Header64) error {
	if header.Phnum == 0 || header.Phentsize != uint16(binary.Size(elf.Prog64{})) {
		return errors.New("damaged: it has no program headers")
	}
	e.headers = make([]elf.Prog64, header.Phnum)
	if err := decode(e.file, header.Phoff, e.headers, "the table of program headers"); err != nil {
		return err
	}
	for _, t := range []elf.ProgType{elf.PT_DYNAMIC, elf.PT_INTERP, elf.PT_GNU_STACK} {
		if len(e.of(t)) > 1 { // the kernel takes one of them, the loader perhaps another
			return fmt.Errorf("damaged: it has more than one %v", t)
		}
	}
	return nil
}

// of returns the program headers of a type.
func (e *elfFile) of(t elf.ProgType) (list []elf.Prog64) {
	for _, p := range e.headers {
		if elf.ProgType(p.Type) == t {
			list = append(list, p)
		}
	}
	return list
}

// load maps the segments. They are copied: relocations are written into them.
func (e *elfFile) load() error {
	for _, p := range e.headers {
		if _, err := e.file.part(p.Off, p.Filesz, "a segment"); err != nil {
			return err
		}
	}
	var used spans
	var total uint64
	for _, p := range e.of(elf.PT_LOAD) {
		if err := used.add(p.Vaddr, max(p.Memsz, p.Filesz)); err != nil {
			return err
		}
		if total += p.Filesz; total > uint64(len(e.file)) {
			return errOverlap
		}
		before, after := e.rest(p)
		flags := elf.ProgFlag(p.Flags)
		e.image.Segments = append(e.image.Segments, Segment{
			Address: p.Vaddr - before, Data: bytes.Clone(e.file[p.Off-before : p.Off+p.Filesz+after]),
			Executable: flags&elf.PF_X != 0, Writable: flags&elf.PF_W != 0,
		})
	}
	for _, p := range e.of(elf.PT_INTERP) {
		e.image.Interpreter = view(e.file[p.Off : p.Off+p.Filesz]).text(0)
	}
	return nil
}

// rest returns how many bytes of the file before and after a segment of code are
// mapped with it: the kernel maps whole pages, and those are executed like it.
func (e *elfFile) rest(p elf.Prog64) (before, after uint64) {
	if elf.ProgFlag(p.Flags)&elf.PF_X == 0 {
		return 0, 0
	}
	size := largestPages()[e.image.Arch]
	before = min(p.Vaddr%size, p.Off)
	after = min(-(p.Vaddr+p.Filesz)%size, uint64(len(e.file))-p.Off-p.Filesz)
	for _, other := range e.of(elf.PT_LOAD) { // in smaller pages, they are its own
		if start := other.Vaddr &^ (smallestPage - 1); start > p.Vaddr {
			after = min(after, start-p.Vaddr-p.Filesz)
		}
		if end := other.Vaddr + max(other.Memsz, other.Filesz); end <= p.Vaddr {
			before = min(before, p.Vaddr-end)
		}
	}
	return before, after
}

// largestPages are those that a kernel for an architecture may have, in bytes.
func largestPages() map[string]uint64 { return map[string]uint64{"amd64": 4 << 10, "arm64": 64 << 10} }

// stack notes a stack on which code can be executed. Without a header for it,
// kernels and the C library decide, and some make it so.
func (e *elfFile) stack() error {
	list := e.of(elf.PT_GNU_STACK)
	if len(list) == 0 || elf.ProgFlag(list[0].Flags)&elf.PF_X != 0 {
		e.image.Alterable = append(e.image.Alterable, "code on its stack can be executed")
	}
	return nil
}

// readDynamic reads what the dynamic linker reads: PT_DYNAMIC, and by it the
// libraries that are needed.
func (e *elfFile) readDynamic() error {
	list := e.of(elf.PT_DYNAMIC)
	if len(list) == 0 {
		return nil
	}
	memory := view(e.image.At(list[0].Vaddr))
	for offset := uint64(0); ; offset += 16 {
		var entry elf.Dyn64
		if err := decode(memory, offset, &entry, "the dynamic section"); err != nil {
			return err
		}
		switch tag := elf.DynTag(entry.Tag); tag {
		case elf.DT_NULL:
			e.image.Libraries, e.image.Folders = e.names(e.needed), e.names(e.folders)
			return nil
		case elf.DT_NEEDED, elf.DT_AUXILIARY, elf.DT_FILTER, elf.DT_AUDIT, elf.DT_DEPAUDIT:
			if e.needed = append(e.needed, entry.Val); len(e.needed) > mostImports {
				return errImports
			}
		case elf.DT_RPATH, elf.DT_RUNPATH:
			if e.folders = append(e.folders, entry.Val); len(e.folders) > mostImports {
				return errImports
			}
		default:
			e.dynamic[tag] = entry.Val
		}
	}
}

func (e *elfFile) names(offsets []uint64) (names []string) {
	for _, offset := range offsets {
		names = append(names, e.strings().text(offset))
	}
	return names
}

func (e *elfFile) strings() view { return e.image.At(e.dynamic[elf.DT_STRTAB]) }
