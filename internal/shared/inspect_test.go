package shared_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"byok/internal/fingerprint"
	"byok/internal/kek"
	"byok/internal/toolset"
	"byok/internal/transfer"
)

func testdata(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "inspect", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const kekName, worldName = "BYOK-KEK-pkg-CONTOSO-1", "BYOK-SecurityWorld-pkg-CONTOSO-1"

// made returns what an encoder returns.
func made(t *testing.T, data []byte, err error) []byte {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// crossing makes one of each file that crosses the air gap, by its name.
func crossing(t *testing.T) map[string][]byte {
	t.Helper()
	pair, err := toolset.ParsePair(toolset.File{Name: kekName, Data: testdata(t, kekName)},
		toolset.File{Name: worldName, Data: testdata(t, worldName)})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{kekName: testdata(t, kekName), worldName: testdata(t, worldName)}
	zip, err := pair.Zip()
	files["KeyVault-BYOK-Tools-CONTOSO.zip"] = made(t, zip, err)
	blob, err := transfer.Blob{
		KEK:        pair.KEK().KID,
		Generator:  "byok-offline 1.0.0; SoftHSM v2 2.6",
		Ciphertext: bytes.Repeat([]byte{7}, 256+32),
	}.Marshal()
	files["KeyTransferPackage-ContosoFirstHSMkey.byok"] = made(t, blob, err)

	// A Premium vault of a rehearsal attests nothing; its KEK does not expire.
	k, w := pair.KEK(), pair.SecurityWorld()
	w.Service, w.Vault, w.PartitionCertificates, w.Mark = kek.ServiceVault, "https://localhost:8443", "", kek.Rehearsal
	world, err := w.Marshal()
	files["BYOK-SecurityWorld-pkg-PREMIUM-1"] = made(t, world, err)
	k.KID.Vault, k.Mark, k.Attestation, k.Expires = w.Vault, kek.Rehearsal, nil, time.Time{}
	k.SecurityWorld = fingerprint.Of(world)
	premium, err := k.Marshal()
	files["BYOK-KEK-pkg-PREMIUM-1"] = made(t, premium, err)
	return files
}

// TestInspect: each kind of file, under its own name and under any other.
func TestInspect(t *testing.T) {
	dir := kmdataDir(t)
	for name, data := range crossing(t) {
		folder := t.TempDir()
		got := run(t, "inspect", write(t, folder+"/"+name, string(data)))
		golden(t, "inspect/"+name+".txt", got.out)
		wantAnswer(t, name, got, answer{0, got.out, ""})
		renamed := write(t, folder+"/BYOK-KEK-pkg-OTHER-1", string(data))
		wantAnswer(t, name+" renamed", run(t, "inspect", renamed), got)
	}
	wantUntouched(t, "inspect", dir)
}

// TestInspectOthers: what lies in kmdata, on a card and in a configuration
// folder is named, and what a file has in clear is listed.
func TestInspectOthers(t *testing.T) {
	kmdataDir(t)
	long := strings.Repeat("k", 101)
	for _, c := range []struct{ name, data, want string }{
		{"byok-card.age", "age-encryption.org/v1\n-> scrypt x 18\n", lines(
			"file     administrator card, sealed (age)", "size     37 bytes",
			"SHA-256  "+fingerprint.Of([]byte("age-encryption.org/v1\n-> scrypt x 18\n")).String())},
		{"world.sig", "0E\x02\x21", lines("file     signature", "size     4 bytes",
			"SHA-256  "+fingerprint.Of([]byte("0E\x02\x21")).String())},
		{"ceremony.jsonl", `{"seq":1}` + "\n", lines("file   ceremony log", "lines  1",
			"byok-offline ceremony verify checks a log where it lies, in local/ceremony.jsonl")},
		{"key",
			`{"type":"byok-key","bits":2048,"ok":true,"none":null,"list":["a",{"b":1.5}],"empty":{},"text":"a\nb\u001b"}`, lines(
				"file      key file", "type      byok-key", "bits      2048", "ok        true", "none      null",
				"list.0    a", "list.1.b  1.5", `text      a\nb\x1b`)},
		{"long", `{"type":"byok-retired","value":"` + long + `"}`, lines(
			"file   record of a destroyed key", "type   byok-retired", "value  "+long[:100]+"…")},
		{"x.pending", `{"type":"byok-pending","step":"write"}`, lines(
			"file  note of an interrupted command", "type  byok-pending", "step  write")},
		{"challenge.json", `{"type":"byok-challenge","nonce":"00"}`, lines(
			"file   challenge to a vault", "type   byok-challenge", "nonce  00")},
		{"t.zip.part.json", `{"type":"byok-partial-download","etag":"x"}`, lines(
			"file  note of a download that is under way", "type  byok-partial-download", "etag  x")},
		{"SHA256SUMS", "00  BYOK-KEK-pkg-EU-1\n", lines(
			"file     hashes of a toolset", "size     22 bytes",
			"SHA-256  "+fingerprint.Of([]byte("00  BYOK-KEK-pkg-EU-1\n")).String())},
		{"many", `{"type":"byok-proof","list":[` + strings.Repeat("1,", 600) + `1]}`, ""},
	} {
		got := run(t, "inspect", write(t, t.TempDir()+"/"+c.name, c.data))
		if c.want == "" {
			rows := strings.Split(got.out, "\n")
			if len(rows) != 503 || rows[501] != "only the first 500 fields are shown" {
				t.Errorf("%s: %d rows, %q", c.name, len(rows), rows[len(rows)-2])
			}
			continue
		}
		wantAnswer(t, c.name, got, answer{0, c.want, ""})
	}
}

func TestInspectJSON(t *testing.T) {
	kmdataDir(t)
	got := run(t, "inspect", "testdata/inspect/"+worldName, "--output", "json")
	golden(t, "inspect.json", got.out)
	wantAnswer(t, "JSON", got, answer{0, got.out, ""})
}

// TestInspectWords: a KEK's words are shown to whoever asks for them, and to
// no one by the way.
func TestInspectWords(t *testing.T) {
	kmdataDir(t)
	plain := run(t, "inspect", "testdata/inspect/"+kekName)
	words := run(t, "inspect", "testdata/inspect/"+kekName, "--show-words")
	golden(t, "inspect/words.txt", strings.TrimPrefix(words.out, plain.out))
	zip := write(t, t.TempDir()+"/t.zip", string(crossing(t)["KeyVault-BYOK-Tools-CONTOSO.zip"]))
	if got := run(t, "inspect", "--show-words", zip); !strings.HasSuffix(got.out, strings.TrimPrefix(words.out,
		plain.out)) {
		t.Errorf("a zip's KEK has other words:\n%s", got.out)
	}
}

// TestInspectRefuses: one fault each; nothing on stdout.
func TestInspectRefuses(t *testing.T) {
	good := crossing(t)
	zip, blob := good["KeyVault-BYOK-Tools-CONTOSO.zip"], good["KeyTransferPackage-ContosoFirstHSMkey.byok"]
	kekPackage, world := good[kekName], good[worldName]
	edited := func(data []byte, from, to string) []byte {
		if bytes.Count(data, []byte(from)) == 0 {
			t.Fatalf("no %q to edit", from)
		}
		return bytes.Replace(data, []byte(from), []byte(to), 1)
	}
	const unknown = "not a file of this project, as far as its contents and its name say"
	kmdataDir(t)
	for _, c := range []struct {
		name   string
		data   []byte
		status int
		err    string
	}{
		{"empty", nil, 2, unknown},
		{"binary", []byte{0x30, 0x45, 2, 0x21}, 2, unknown},
		{"foreign.json", []byte(`{"type":"other"}`), 2, unknown},
		{"large", make([]byte, toolset.MaxZip+1), 2, "larger than the 1048576 bytes that such a file may have"},
		{"t.zip", zip[:len(zip)-1], 2, "not a zip file, or cut short"},
		{"edited.zip", edited(zip, "CONTOSO", "CONTOSA"), 3,
			`entry "BYOK-KEK-pkg-CONTOSO-1": its own header and the directory disagree`},
		{"BYOK-KEK-pkg-X-1", kekPackage[:100], 2, "not valid JSON at byte 100, in field mark"},
		{"BYOK-KEK-pkg-X-2", []byte("\x00\x01\x02"), 2, "a binary package of the nCipher toolset retired in June 2021"},
		{"BYOK-KEK-pkg-X-3", edited(kekPackage, `"suffix"`, `"Suffix"`), 2, "unknown field Suffix"},
		{"BYOK-SecurityWorld-pkg", edited(world, `"managed-hsm"`, `"hsm"`), 2,
			`field service: expected "vault" or "managed-hsm"`},
		{"empty.byok", nil, 2, "not valid JSON at byte 0"},
		{"legacy.byok", bytes.Repeat([]byte{0, 1, 2}, 100), 2,
			"binary, not JSON: a legacy nCipher transfer package, which the service stopped taking in June 2021"},
		{"alg.byok", edited(blob, `"dir"`, `"RSA-OAEP"`), 2, `field header.alg: expected "dir"`},
		{"world", []byte(`{"type":"byok-world"}`), 3, "version 0 of byok-world; this release reads version 1"},
		{"key", []byte(`{"type":"byok-key","a":}`), 2, "not valid JSON at byte 22"},
	} {
		path := write(t, t.TempDir()+"/"+c.name, string(c.data))
		got := run(t, "inspect", path)
		said, _, _ := strings.Cut(got.err, "byok-test: hint:")
		wantAnswer(t, c.name, answer{got.status, got.out, said}, answer{c.status, "",
			lines("byok-test: error: " + path + ": " + c.err)})
	}
}

// TestInspectExplain takes good and broken packages apart, in text and JSON.
func TestInspectExplain(t *testing.T) {
	dir := kmdataDir(t)
	good := crossing(t)["KeyTransferPackage-ContosoFirstHSMkey.byok"]
	folder := t.TempDir()
	for name, data := range map[string][]byte{
		"good": good, "cut": good[:len(good)-40], "binary": {0, 1, 2},
	} {
		path := write(t, folder+"/"+name+".byok", string(data))
		got := run(t, "inspect", "--explain", path)
		golden(t, "explain/"+name+".txt", strings.ReplaceAll(got.out, folder, "DIR"))
		wantAnswer(t, name, got, answer{0, got.out, ""})
		for _, line := range strings.Split(strings.ReplaceAll(got.out, folder, "DIR"), "\n") {
			if len(line) > 80 && !strings.Contains(line, "https://") {
				t.Errorf("%s: a line of %d characters: %s", name, len(line), line)
			}
		}
	}
	got := run(t, "inspect", "--explain", folder+"/good.byok", "--output", "json")
	golden(t, "explain/good.json", strings.ReplaceAll(got.out, folder, "DIR"))
	wantUntouched(t, "inspect", dir)
}

// typed matches the constant by which a package names the type of its file.
var typed = regexp.MustCompile(`(?m)[Tt]ype\w*\s+= "(byok-[a-z-]+)"`)

// TestInspectKnowsEveryType: there is no file of the project that inspect takes
// for a stranger's. What is inside a card is not in clear.
func TestInspectKnowsEveryType(t *testing.T) {
	kmdataDir(t)
	known, all := 0, 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, m := range typed.FindAllStringSubmatch(read(t, path), -1) {
			if m[1] == "byok-administrator-card" {
				continue
			}
			all++
			got := run(t, "inspect", write(t, t.TempDir()+"/file", `{"type":"`+m[1]+`"}`))
			if strings.Contains(got.err, "not a file of this project") {
				t.Errorf("%s, of %s, is not known", m[1], path)
				continue
			}
			known++
		}
		return nil
	})
	if err != nil || all < 12 {
		t.Errorf("%d types, %v", all, err)
	}
	t.Logf("types of files that inspect knows: %d of %d", known, all)
}
