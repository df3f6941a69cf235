package executable

import (
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
)

// peFile is what the parts of a PE file are read with (the PE format, Microsoft).
type peFile struct {
	image *Image
	base  uint64 // where the linker would have it loaded
}

// machines are those whose code package machinecode reads.
func machines() map[uint16]string {
	return map[uint16]string{pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64"}
}

// readPE reads a PE32+ program by its sections and data directories, which are
// what the loader goes by.
func readPE(file view) (*Image, error) {
	offset, err := file.part(0x3c, 4, "the header")
	if err != nil {
		return nil, err
	}
	at := uint64(binary.LittleEndian.Uint32(offset))
	if signature, err := file.part(at, 4, "the PE header"); err != nil || string(signature) != "PE\x00\x00" {
		return nil, ErrFormat
	}
	var header pe.FileHeader
	if err := decode(file, at+4, &header, "the PE header"); err != nil {
		return nil, err
	}
	arch, known := machines()[header.Machine]
	if !known {
		return nil, fmt.Errorf("code for machine %#x, which is not read here", header.Machine)
	}
	var optional pe.OptionalHeader64
	if err := decode(file, at+24, &optional, "the optional header"); err != nil {
		return nil, err
	}
	if err := refuse(optional); err != nil {
		return nil, err
	}
	sections := make([]pe.SectionHeader32, header.NumberOfSections)
	if err := decode(file, at+24+uint64(header.SizeOfOptionalHeader), sections, "the table of sections"); err != nil {
		return nil, err
	}
	p := peFile{&Image{Format: "PE", OS: "windows", Arch: arch}, optional.ImageBase}
	if err := p.load(file, sections); err != nil {
		return nil, err
	}
	return p.image, p.imports(optional.DataDirectory)
}

// refuse returns why a program is not read as one of machine code, in sections.
func refuse(optional pe.OptionalHeader64) error {
	switch {
	case optional.Magic != 0x20b:
		return errors.New("not a 64-bit PE file")
	case optional.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR].VirtualAddress != 0:
		return errors.New("code for .NET, which is not read here")
	case optional.SectionAlignment < 4<<10: // all of the file is then mapped as it is
		return errors.New("damaged: its sections do not begin at pages")
	}
	return nil
}

// load maps the sections.
func (p peFile) load(file view, sections []pe.SectionHeader32) error {
	var used spans
	var total uint64
	for _, s := range sections {
		data, err := file.part(uint64(s.PointerToRawData), uint64(s.SizeOfRawData), "a section")
		if err != nil {
			return err
		}
		size := s.VirtualSize
		if size == 0 {
			size = s.SizeOfRawData
		}
		if total += uint64(len(data)); total > uint64(len(file)) {
			return errOverlap
		}
		if err := used.add(p.base+uint64(s.VirtualAddress), uint64(size)); err != nil {
			return err
		}
		p.image.Segments = append(p.image.Segments, Segment{
			Address: p.base + uint64(s.VirtualAddress), Data: data,
			Executable: s.Characteristics&pe.IMAGE_SCN_MEM_EXECUTE != 0,
			Writable:   s.Characteristics&pe.IMAGE_SCN_MEM_WRITE != 0,
		})
	}
	return nil
}

// directory is a table of libraries: where in an entry are the name's address
// and that of the list of functions.
type directory struct {
	index, size, name, functions uint64
}

// directories are loaded with the program, or when a function is first called.
func directories() []directory {
	return []directory{
		{pe.IMAGE_DIRECTORY_ENTRY_IMPORT, 20, 12, 0},
		{pe.IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT, 32, 4, 16},
	}
}

func (p peFile) imports(tables [16]pe.DataDirectory) error {
	for _, d := range directories() {
		start := tables[d.index].VirtualAddress
		if start == 0 {
			continue
		}
		memory := view(p.image.At(p.base + uint64(start)))
		for offset := uint64(0); ; offset += d.size {
			entry, err := memory.part(offset, d.size, "the table of imports")
			if err != nil {
				return err
			}
			name, list := address(entry, d.name), address(entry, d.functions)
			if name == 0 {
				break
			}
			if list == 0 { // an old linker's: the list is where the addresses are written to
				list = address(entry, 16)
			}
			if err := p.library(view(p.image.At(p.base+name)).text(0), list); err != nil {
				return err
			}
		}
	}
	return nil
}

func address(entry []byte, at uint64) uint64 { return uint64(binary.LittleEndian.Uint32(entry[at:])) }

// library reads the functions that are imported from one.
func (p peFile) library(name string, list uint64) error {
	if p.image.Libraries = append(p.image.Libraries, name); len(p.image.Libraries) > mostImports {
		return errImports
	}
	memory := view(p.image.At(p.base + list))
	for offset := uint64(0); ; offset += 8 {
		var entry uint64
		if err := decode(memory, offset, &entry, "a list of imports"); err != nil {
			return err
		}
		if entry == 0 {
			return nil
		}
		p.image.Imports = append(p.image.Imports, Import{Library: name, Name: p.function(entry)})
		if len(p.image.Imports) > mostImports {
			return errImports
		}
	}
}

// function is an ordinal, or a hint of two bytes and a name.
func (p peFile) function(entry uint64) string {
	if entry>>63 == 1 {
		return fmt.Sprintf("#%d", uint16(entry))
	}
	return view(p.image.At(p.base + uint64(uint32(entry)) + 2)).text(0)
}
