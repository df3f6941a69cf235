package toolset

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"io/fs"
	"time"
)

// Zip makes the toolset zip of two packages that belong together, and a
// SHA256SUMS of both. The entries are stored, not compressed, and dated by
// the KEK, so that the same packages always give the same zip, from any
// release. Packages that do not belong together are a Check error.
func (p Pair) Zip() ([]byte, error) {
	files, err := p.files()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		if err := store(w, f, p.kek.Created); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// store writes an entry with its size and checksum before the data, where the
// reader can hold them against the directory at the end.
func store(w *zip.Writer, f File, date time.Time) error {
	header := &zip.FileHeader{
		Name:               f.Name,
		Method:             zip.Store,
		Modified:           date,
		CRC32:              crc32.ChecksumIEEE(f.Data),
		CompressedSize64:   uint64(len(f.Data)),
		UncompressedSize64: uint64(len(f.Data)),
	}
	header.SetMode(fs.FileMode(0o644))
	entry, err := w.CreateRaw(header)
	if err != nil {
		return err
	}
	_, err = entry.Write(f.Data)
	return err
}
