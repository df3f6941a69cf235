package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

// TestMain runs where the program does: in the folder of the project.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	m.Run()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// info is of a program that links two modules, one of them in place of another.
func info() *debug.BuildInfo {
	return &debug.BuildInfo{
		GoVersion: "go1.26.8-X:runtimesecret",
		Path:      "byok/cmd/byok-offline",
		Deps: []*debug.Module{
			{
				Path:    "github.com/ThalesIgnite/crypto11",
				Replace: &debug.Module{Path: "github.com/ThalesGroup/crypto11", Version: "v1.6.2", Sum: "h1:one="},
			},
			{Path: "github.com/urfave/cli/v2", Version: "v2.27.7", Sum: "h1:two="},
		},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-tags", Value: "netgo"}, {Key: "CC", Value: "cc"}},
	}
}

const wanted = `{
  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "serialNumber": "urn:uuid:01020304-0506-8708-890a-0b0c0d0e0f10",
  "version": 1,
  "metadata": {
    "timestamp": "2026-11-26T03:00:00Z",
    "component": {
      "type": "application",
      "bom-ref": "pkg:generic/byok-offline@0.2.0-dev%2Babc",
      "name": "byok-offline",
      "version": "0.2.0-dev+abc",
      "hashes": [
        {
          "alg": "SHA-256",
          "content": "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
        }
      ],
      "licenses": [
        {
          "license": {
            "id": "Apache-2.0"
          }
        }
      ],
      "purl": "pkg:generic/byok-offline@0.2.0-dev%2Babc",
      "properties": [
        {
          "name": "byok:commit",
          "value": "0705c3d0"
        },
        {
          "name": "byok:compiler",
          "value": "go1.26.8-X:runtimesecret"
        },
        {
          "name": "byok:GOOS",
          "value": "linux"
        },
        {
          "name": "byok:tags",
          "value": "netgo"
        }
      ]
    }
  },
  "components": [
    {
      "type": "library",
      "bom-ref": "pkg:golang/std@1.26.8",
      "name": "std",
      "version": "1.26.8",
      "licenses": [
        {
          "license": {
            "id": "BSD-3-Clause"
          }
        }
      ],
      "purl": "pkg:golang/std@1.26.8"
    },
    {
      "type": "library",
      "bom-ref": "pkg:golang/github.com/ThalesGroup/crypto11@v1.6.2",
      "name": "github.com/ThalesGroup/crypto11",
      "version": "v1.6.2",
      "licenses": [
        {
          "license": {
            "id": "MIT"
          }
        }
      ],
      "purl": "pkg:golang/github.com/ThalesGroup/crypto11@v1.6.2",
      "properties": [
        {
          "name": "byok:go.sum",
          "value": "h1:one="
        }
      ]
    },
    {
      "type": "library",
      "bom-ref": "pkg:golang/github.com/urfave/cli/v2@v2.27.7",
      "name": "github.com/urfave/cli/v2",
      "version": "v2.27.7",
      "licenses": [
        {
          "license": {
            "id": "MIT"
          }
        }
      ],
      "purl": "pkg:golang/github.com/urfave/cli/v2@v2.27.7",
      "properties": [
        {
          "name": "byok:go.sum",
          "value": "h1:two="
        }
      ]
    }
  ],
  "dependencies": [
    {
      "ref": "pkg:generic/byok-offline@0.2.0-dev%2Babc",
      "dependsOn": [
        "pkg:golang/std@1.26.8",
        "pkg:golang/github.com/ThalesGroup/crypto11@v1.6.2",
        "pkg:golang/github.com/urfave/cli/v2@v2.27.7"
      ]
    }
  ]
}
`

func TestBOM(t *testing.T) {
	known, err := licencesOf("docs/dependencies.md")
	check(t, err)
	var sum [sha256.Size]byte
	for i := range sum {
		sum[i] = byte(i + 1)
	}
	var out bytes.Buffer
	made, err := bomOf(info(), sum, source{"0.2.0-dev+abc", "0705c3d0", "2026-11-26T03:00:00Z"}, known)
	check(t, err)
	check(t, write(&out, made))
	if out.String() != wanted {
		t.Errorf("%s\nwant %s", out.String(), wanted)
	}
	stranger := info()
	stranger.Deps[1].Path = "example.com/stranger"
	_, err = bomOf(stranger, sum, source{}, known)
	if err == nil || err.Error() != "example.com/stranger has no licence in docs/dependencies.md" {
		t.Errorf("a module that the page does not list: %v", err)
	}
}

// full is a medium without room for more than so many bytes.
type full int

func (f *full) Write(b []byte) (int, error) {
	if *f -= full(len(b)); *f < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(b), nil
}

// TestFull holds that a paper that could not be written whole is an error.
func TestFull(t *testing.T) {
	known, err := licencesOf("docs/dependencies.md")
	check(t, err)
	for _, room := range []full{0, 12_000, 14_000} { // of LICENSE of byok, of Go, of a module
		if err := licences(&room, info(), known, nil); err == nil || err.Error() != "no space left on device" {
			t.Errorf("licences, with room until %d: %v", room, err)
		}
	}
	room := full(0)
	if err := write(&room, &bom{}); err == nil {
		t.Error("a bill of materials is written to a full medium")
	}
	if _, err := licencesOf("/nowhere"); err == nil {
		t.Error("licences are read from nowhere")
	}
}

func TestLicences(t *testing.T) {
	known, err := licencesOf("docs/dependencies.md")
	check(t, err)
	if known["filippo.io/age"] != "BSD-3-Clause" || known["golang.org/x/net"] != "BSD-3-Clause" || known[std] == "" {
		t.Errorf("%v", known)
	}
	var out bytes.Buffer
	check(t, licences(&out, info(), known, nil))
	titles := regexp.MustCompile(`(?m)^=+\n(.*)\n(.*)\n=+$`).FindAllStringSubmatch(out.String(), -1)
	var got []string
	for _, m := range titles {
		got = append(got, m[1]+": "+m[2])
	}
	want := strings.Join([]string{
		"byok: Apache-2.0, LICENSE",
		"Go go1.26.8-X:runtimesecret: the compiler and its library: BSD-3-Clause, LICENSE",
		"Go go1.26.8-X:runtimesecret: the compiler and its library: BSD-3-Clause, PATENTS",
		"github.com/ThalesGroup/crypto11 v1.6.2: MIT, LICENCE.txt",
		"github.com/urfave/cli/v2 v2.27.7: MIT, LICENSE",
	}, "\n")
	if strings.Join(got, "\n") != want {
		t.Errorf("%s\nwant %s", strings.Join(got, "\n"), want)
	}
	if err := licences(&out, &debug.BuildInfo{Deps: []*debug.Module{{Path: "example.com/stranger"}}}, known, nil); err == nil {
		t.Error("a module that go does not know has a licence")
	}
	for _, c := range []struct{ name, licence, dir, want string }{
		{"a module without a row", "", ".", "m has no licence in docs/dependencies.md"},
		{"a module without a text", "MIT", "docs", "m: no text of a licence in docs"},
		{"no such folder", "MIT", "/nowhere", "open /nowhere: no such file or directory"},
	} {
		if err := section(&out, "m", c.licence, c.dir); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestRun makes both papers of this test's own program.
func TestRun(t *testing.T) {
	self, err := os.Executable()
	check(t, err)
	content, err := os.ReadFile(self)
	check(t, err)
	var out bytes.Buffer
	check(t, run(&out, []string{"sbom", "1.0.0", "abc", "2026-11-26T03:00:00Z", self}))
	var made bom
	check(t, json.Unmarshal(out.Bytes(), &made))
	sum := sha256.Sum256(content)
	if made.Metadata.Component.Hashes[0].Content != hex.EncodeToString(sum[:]) || made.Metadata.Component.Name == "" {
		t.Errorf("%+v", made.Metadata)
	}
	out.Reset()
	check(t, run(&out, []string{"licences", self}))
	built, err := buildinfo.ReadFile(self)
	check(t, err)
	if !strings.Contains(out.String(), "Go "+built.GoVersion) {
		t.Errorf("%.200s", out.String())
	}
	for _, args := range [][]string{nil, {"sbom", self}, {"other", self}} {
		if err := run(&out, args); err == nil || err.Error() != usage {
			t.Errorf("%q: %v", args, err)
		}
	}
	for _, args := range [][]string{{"licences", "/nowhere"}, {"sbom", "1", "a", "b", "/nowhere"}} {
		if err := run(&out, args); err == nil || !strings.Contains(err.Error(), "/nowhere: no such file or directory") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func output(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).Output()
	check(t, err)
	return string(out)
}

// TestStamp holds that an archive of a commit says which one it is, as a checkout does.
func TestStamp(t *testing.T) {
	text, err := os.ReadFile("scripts/archive.txt")
	check(t, err)
	attributes, err := os.ReadFile(".gitattributes")
	check(t, err)
	if string(text) != "$Format:%H %ct$\n" || !strings.Contains(string(attributes), "/scripts/archive.txt export-subst\n") {
		t.Errorf("git does not fill in scripts/archive.txt: %s, %s", text, attributes)
	}
	dir := t.TempDir()
	check(t, os.Mkdir(filepath.Join(dir, "scripts"), 0o755))
	stamp, err := os.ReadFile("scripts/stamp.sh")
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "scripts/stamp.sh"), stamp, 0o755))
	for _, c := range []struct{ name, archive, want string }{
		{"an archive", "0705c3d0fb52 1700000000\n", "-X byok/internal/version.commit=0705c3d0fb52 " +
			"-X byok/internal/version.committed=2023-11-14T22:13:20Z -X byok/internal/version.modified=false\n"},
		{"a copy that git did not make", string(text), ""},
	} {
		check(t, os.WriteFile(filepath.Join(dir, "scripts/archive.txt"), []byte(c.archive), 0o644))
		if got := output(t, filepath.Join(dir, "scripts/stamp.sh")); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
