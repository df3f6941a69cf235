package toolset

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"io/fs"
	"time"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// Zip makes the toolset zip of two packages that belong together, and a
// SHA256SUMS of both. The entries are stored, not compressed, and dated by
// the KEK, so that the same packages always give the same zip, from any
// release. Packages that do not belong together are a Check error.
func Zip(kek KEKPackage, sw SecurityWorldPackage) ([]byte, error) {
	files, err := filesOf(kek, sw)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		if err := store(w, f, kek.Created); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// file is one file of the toolset.
type file struct {
	name string
	data []byte
}

// filesOf encodes both packages and their SHA256SUMS, in the order of the zip.
func filesOf(kek KEKPackage, sw SecurityWorldPackage) ([]file, error) {
	swData, err := sw.Marshal()
	if err != nil {
		return nil, err
	}
	kekData, err := kek.Marshal()
	if err != nil {
		return nil, err
	}
	if err := belong(kek, sw, fingerprint.Of(swData)); err != nil {
		return nil, err
	}
	kekName, swName := KEKName(kek.Suffix, kek.Generation), SecurityWorldName(sw.Suffix, sw.Generation)
	sums := FormatSums([]SumLine{{kekName, fingerprint.Of(kekData)}, {swName, fingerprint.Of(swData)}})
	return []file{{kekName, kekData}, {swName, swData}, {SumsName, sums}}, nil
}

// belong holds two packages to each other, as attest.Check does again.
func belong(kek KEKPackage, sw SecurityWorldPackage, swSum fingerprint.Sum) error {
	name := KEKName(kek.Suffix, kek.Generation)
	switch {
	case kek.Suffix != sw.Suffix || kek.Generation != sw.Generation:
		return exitcode.Errorf(exitcode.Check, "%s does not go with %s", name, SecurityWorldName(sw.Suffix, sw.Generation))
	case kek.Rehearsal != sw.Rehearsal:
		return exitcode.Errorf(exitcode.Refused, "%s: one package is of a rehearsal and the other is not", name)
	case kek.SecurityWorld != swSum:
		return exitcode.Errorf(exitcode.Check, "%s is bound to another SecurityWorld package than %s", name, SecurityWorldName(sw.Suffix, sw.Generation))
	}
	return nil
}

// store writes an entry with its size and checksum before the data, where the
// reader can hold them against the directory at the end.
func store(w *zip.Writer, f file, date time.Time) error {
	header := &zip.FileHeader{
		Name:               f.name,
		Method:             zip.Store,
		Modified:           date,
		CRC32:              crc32.ChecksumIEEE(f.data),
		CompressedSize64:   uint64(len(f.data)),
		UncompressedSize64: uint64(len(f.data)),
	}
	header.SetMode(fs.FileMode(0o644))
	entry, err := w.CreateRaw(header)
	if err != nil {
		return err
	}
	_, err = entry.Write(f.data)
	return err
}
