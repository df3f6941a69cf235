package toolset

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/kek"
)

// TestUnzipRefusesNames gives the first entry another name.
func TestUnzipRefusesNames(t *testing.T) {
	for name, want := range map[string]string{
		"/" + kekFile:            `entry "/BYOK-KEK-pkg-CONTOSO-1": an absolute path`,
		`\\server\` + kekFile:    `entry "\\\\server\\BYOK-KEK-pkg-CONTOSO-1": an absolute path`,
		"C:" + kekFile:           `entry "C:BYOK-KEK-pkg-CONTOSO-1": an absolute path`,
		"../" + kekFile:          `entry "../BYOK-KEK-pkg-CONTOSO-1": a path that leaves the folder`,
		`..\` + kekFile:          `entry "..\\BYOK-KEK-pkg-CONTOSO-1": a path that leaves the folder`,
		"a/../../" + kekFile:     `entry "a/../../BYOK-KEK-pkg-CONTOSO-1": a path that leaves the folder`,
		"./" + kekFile:           `entry "./BYOK-KEK-pkg-CONTOSO-1": a folder or a file in one`,
		"tools/" + kekFile:       `entry "tools/BYOK-KEK-pkg-CONTOSO-1": a folder or a file in one`,
		kekFile + "/":            `entry "BYOK-KEK-pkg-CONTOSO-1/": a folder or a file in one`,
		"NUL":                    `entry "NUL": the name of a device`,
		"nul.txt":                `entry "nul.txt": the name of a device`,
		"COM1":                   `entry "COM1": the name of a device`,
		"lpt9 .log":              `entry "lpt9 .log": the name of a device`,
		"aux:" + kekFile:         `entry "aux:BYOK-KEK-pkg-CONTOSO-1": the name of a device`,
		"KeyTransferRemote.exe":  `entry "KeyTransferRemote.exe": not a file of a toolset`,
		"":                       `entry "": a folder or a file in one`,
		kekFile + " ":            `entry "BYOK-KEK-pkg-CONTOSO-1 ": not a file of a toolset`,
		kekFile + "\x00":         `entry "BYOK-KEK-pkg-CONTOSO-1\x00": not a file of a toolset`,
		"BYOK-KEK-pkg-CONTOSO-0": `entry "BYOK-KEK-pkg-CONTOSO-0": not a file of a toolset`,
		"sha256sums":             `entry "sha256sums": not a file of a toolset`,
	} {
		files := contosoFiles(t)
		files[0].Name = name
		_, err := Unzip("Z.zip", pack(t, files, nil))
		expect(t, name, err, exitcode.Check, "Z.zip: "+want)
	}
}

// TestUnzipRefusesEntries changes what the directory says of the first entry.
func TestUnzipRefusesEntries(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*zip.FileHeader)
		want   string
	}{
		"link":      {func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) }, "a symbolic link"},
		"device":    {func(h *zip.FileHeader) { h.SetMode(fs.ModeDevice | 0o644) }, "a folder or a device"},
		"pipe":      {func(h *zip.FileHeader) { h.SetMode(fs.ModeNamedPipe | 0o644) }, "a folder or a device"},
		"folder":    {func(h *zip.FileHeader) { h.SetMode(fs.ModeDir | 0o755) }, "a folder or a device"},
		"encrypted": {func(h *zip.FileHeader) { h.Flags |= encryptedFlag }, "encrypted"},
		"streamed":  {func(h *zip.FileHeader) { h.Flags |= streamedFlag }, "its size is not in its header, only after its data"},
		"method":    {func(h *zip.FileHeader) { h.Method = 99 }, "compressed by method 99, neither stored nor deflated"},
		"bomb":      {func(h *zip.FileHeader) { h.Method, h.UncompressedSize64 = zip.Deflate, MaxPackage+1 }, "unpacks to 262145 bytes, more than the 262144 a package may have"},
		"checksum":  {func(h *zip.FileHeader) { h.CRC32++ }, "damaged, or not of the stated size"},
		"deflate":   {func(h *zip.FileHeader) { h.Method = zip.Deflate }, "damaged, or not of the stated size"},
	} {
		data := pack(t, contosoFiles(t), func(i int, h *zip.FileHeader) {
			if i == 0 {
				c.change(h)
			}
		})
		_, err := Unzip("Z.zip", data)
		expect(t, name, err, exitcode.Check, `Z.zip: entry "BYOK-KEK-pkg-CONTOSO-1": `+c.want)
	}
}

// TestUnzipRefusesSets packs files that are good one by one.
func TestUnzipRefusesSets(t *testing.T) {
	f := contosoFiles(t)
	lower := File{strings.ToLower(kekFile), f[0].Data}
	pair := contosoPair(t)
	other := pair.KEK()
	other.Mark = kek.Rehearsal
	mixed, err := other.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	world := pair.SecurityWorld()
	world.Location = "northeurope"
	moved, err := world.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	many := make([]File, maxEntries+1)
	for name, c := range map[string]struct {
		files []File
		code  exitcode.Code
		want  string
	}{
		"twice":          {[]File{f[0], f[0], f[1], f[2]}, exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": appears twice`},
		"two cases":      {[]File{f[2], {"SHA256sums", nil}}, exitcode.Check, `entry "SHA256sums": differs from "SHA256SUMS" only in case`},
		"lower case":     {[]File{lower, f[1], f[2]}, exitcode.Check, `entry "byok-kek-pkg-contoso-1": not a file of a toolset`},
		"too few":        {f[:2], exitcode.Check, "expected exactly one KEK package, one SecurityWorld package and SHA256SUMS"},
		"none":           {nil, exitcode.Check, "expected exactly one KEK package, one SecurityWorld package and SHA256SUMS"},
		"two toolsets":   {[]File{f[0], f[1], f[2], {KEKName("CONTOSO", 2), f[0].Data}}, exitcode.Check, "expected exactly one KEK package, one SecurityWorld package and SHA256SUMS"},
		"two KEKs":       {[]File{f[0], {KEKName("CONTOSO", 2), f[0].Data}, f[2]}, exitcode.Check, "expected exactly one KEK package, one SecurityWorld package and SHA256SUMS"},
		"many":           {many, exitcode.Check, "17 entries; a toolset has 3"},
		"other name":     {[]File{{KEKName("CONTOSO", 2), f[0].Data}, f[1], f[2]}, exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-2": its content is BYOK-KEK-pkg-CONTOSO-1`},
		"sums empty":     {[]File{f[0], f[1], {SumsName, nil}}, exitcode.Check, "SHA256SUMS does not list the two packages with their SHA-256"},
		"sums reversed":  {[]File{f[0], f[1], {SumsName, reversed(f[2].Data)}}, exitcode.Check, "SHA256SUMS does not list the two packages with their SHA-256"},
		"exchanged":      {[]File{{f[0].Name, f[1].Data}, {f[1].Name, f[0].Data}, f[2]}, exitcode.Usage, "BYOK-KEK-pkg-CONTOSO-1: type is \"byok-security-world-package\", expected \"byok-kek-package\""},
		"mark":           {[]File{{f[0].Name, mixed}, f[1], f[2]}, exitcode.Refused, "BYOK-KEK-pkg-CONTOSO-1: one package is marked rehearsal, the other production"},
		"world replaced": {[]File{f[0], {f[1].Name, moved}, f[2]}, exitcode.Check, "BYOK-KEK-pkg-CONTOSO-1 is bound to a SecurityWorld package other than BYOK-SecurityWorld-pkg-CONTOSO-1"},
	} {
		_, err := Unzip("Z.zip", pack(t, c.files, nil))
		want := c.want
		if c.code == exitcode.Check && name != "world replaced" {
			want = "Z.zip: " + want
		}
		expect(t, name, err, c.code, want)
	}
}

func reversed(sums []byte) []byte {
	lines := strings.SplitAfter(string(sums), "\n")
	return []byte(lines[1] + lines[0])
}

// TestUnzipRefusesLayout puts bytes where no entry lists them.
func TestUnzipRefusesLayout(t *testing.T) {
	good := contosoZip(t)
	central := bytes.Index(good, []byte(centralSign))
	end := len(good) - endSize
	second := bytes.Index(good[4:], []byte(localSign)) + 4
	const stray = "bytes that no entry lists, or an entry that the directory does not"
	splice := func(at int, s string) []byte {
		return bytes.Join([][]byte{good[:at], []byte(s), good[at:]}, nil)
	}
	shifted := func(at, field, by int) []byte {
		data := splice(at, "hidden")
		data[field+6] += byte(by)
		return data
	}
	patch := func(at int, with ...byte) []byte {
		data := bytes.Clone(good)
		copy(data[at:], with)
		return data
	}
	for name, c := range map[string]struct {
		data []byte
		code exitcode.Code
		want string
	}{
		"before":            {splice(0, "MZ"), exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": does not follow the entry before it`},
		"after":             {append(bytes.Clone(good), "PK"...), exitcode.Check, stray},
		"comment":           {append(patch(len(good)-2, 2), "hi"...), exitcode.Check, stray},
		"before directory":  {shifted(central, end+16, 6), exitcode.Check, stray},
		"disk":              {patch(end+4, 1), exitcode.Check, stray},
		"in the directory":  {shifted(end, end+12, 6), exitcode.Check, stray},
		"a third is hidden": {patch(end+8, 2, 0, 2, 0), exitcode.Usage, "not a zip file, or cut short"},
		"local name":        {patch(localSize, 'X'), exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		"local flags":       {patch(6, 1), exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		"local method":      {patch(8, 8), exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		"local checksum":    {patch(14, good[14]+1), exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		"local size":        {patch(18, good[18]+1), exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		"local full size":   {patch(22, good[22]+1), exitcode.Check, `entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		"local signature":   {patch(second, 'Q'), exitcode.Check, `entry "BYOK-SecurityWorld-pkg-CONTOSO-1": does not follow the entry before it`},
		"overlap":           {patch(bytes.Index(good[central+4:], []byte(centralSign))+central+4+42, 0, 0, 0, 0), exitcode.Check, `entry "BYOK-SecurityWorld-pkg-CONTOSO-1": does not follow the entry before it`},
		"empty":             {nil, exitcode.Usage, "not a zip file, or cut short"},
		"text":              {[]byte("not a zip"), exitcode.Usage, "not a zip file, or cut short"},
		"more than allowed": {make([]byte, MaxZip+1), exitcode.Usage, "more than the 1048576 bytes a toolset may have"},
	} {
		_, err := Unzip("Z.zip", c.data)
		expect(t, name, err, c.code, "Z.zip: "+c.want)
	}
}

// TestUnzipDamaged cuts at every byte, and flips every byte: nothing but the
// date of an entry and the rights of its file may change unnoticed.
func TestUnzipDamaged(t *testing.T) {
	good := contosoZip(t)
	for n := range len(good) {
		if _, err := Unzip("Z.zip", good[:n]); err == nil {
			t.Errorf("cut at %d: accepted", n)
		}
	}
	want, err := Unzip("Z.zip", good)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		data := bytes.Clone(good)
		data[i] ^= 0x80 >> (i % 8)
		if pair, err := Unzip("Z.zip", data); err == nil && !reflect.DeepEqual(pair, want) {
			t.Errorf("byte %d flipped: other content accepted", i)
		}
	}
}
