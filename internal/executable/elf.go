package executable

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// elfFile is what the parts of an ELF file are read with (elf(5)).
type elfFile struct {
	file    view
	image   *Image
	headers []elf.Prog64
	dynamic map[elf.DynTag]uint64
	needed  []uint64 // offsets in the string table
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
		e.load, e.readDynamic, e.relocate,
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
	return decode(e.file, header.Phoff, e.headers, "the table of program headers")
}

// load maps the segments. They are copied: relocations are written into them.
func (e *elfFile) load() error {
	var total uint64
	for _, p := range e.headers {
		data, err := e.file.part(p.Off, p.Filesz, "a segment")
		if err != nil {
			return err
		}
		switch elf.ProgType(p.Type) {
		case elf.PT_LOAD:
			if total += p.Filesz; total > uint64(len(e.file))*2 || p.Vaddr+p.Filesz < p.Vaddr {
				return errors.New("damaged: its segments overlap")
			}
			flags := elf.ProgFlag(p.Flags)
			e.image.Segments = append(e.image.Segments, Segment{
				Address: p.Vaddr, Data: bytes.Clone(data),
				Executable: flags&elf.PF_X != 0, Writable: flags&elf.PF_W != 0,
			})
		case elf.PT_INTERP:
			e.image.Interpreter = view(data).text(0)
		}
	}
	return nil
}

// readDynamic reads what the dynamic linker reads: PT_DYNAMIC, and by it the
// libraries that are needed.
func (e *elfFile) readDynamic() error {
	i := slices.IndexFunc(e.headers, func(p elf.Prog64) bool { return elf.ProgType(p.Type) == elf.PT_DYNAMIC })
	if i < 0 {
		return nil
	}
	memory := view(e.image.At(e.headers[i].Vaddr))
	for offset := uint64(0); ; offset += 16 {
		var entry elf.Dyn64
		if err := decode(memory, offset, &entry, "the dynamic section"); err != nil {
			return err
		}
		switch tag := elf.DynTag(entry.Tag); tag {
		case elf.DT_NULL:
			e.image.Libraries = e.names()
			return nil
		case elf.DT_NEEDED:
			if e.needed = append(e.needed, entry.Val); len(e.needed) > mostImports {
				return errImports
			}
		default:
			e.dynamic[tag] = entry.Val
		}
	}
}

func (e *elfFile) names() (names []string) {
	for _, offset := range e.needed {
		names = append(names, e.strings().text(offset))
	}
	return names
}

func (e *elfFile) strings() view { return e.image.At(e.dynamic[elf.DT_STRTAB]) }
