package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"runtime/debug"
	"slices"
	"strings"
)

// source is what a program was built from: the version, its commit and the
// commit's time.
type source struct{ Version, Commit, Time string }

// The parts of a bill of materials that are used here (CycloneDX 1.6, ECMA-424).
type (
	bom struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Serial       string       `json:"serialNumber"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp,omitempty"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Licences   []licence  `json:"licenses"`
		PURL       string     `json:"purl"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	// A licence is named, or the only one in its list an expression.
	licence struct {
		Licence    *identifier `json:"license,omitempty"`
		Expression string      `json:"expression,omitempty"`
	}
	identifier struct {
		ID string `json:"id"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn"`
	}
)

// sbom writes the bill of materials of the program in a file.
func sbom(out io.Writer, file string, from source, known map[string]string, parts []part) error {
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	made, err := bomOf(info, sha256.Sum256(content), from, known)
	if err != nil {
		return err
	}
	for _, p := range parts {
		made.add(p.component())
	}
	return write(out, made)
}

func write(out io.Writer, made *bom) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(made)
}

func bomOf(info *debug.BuildInfo, sum [sha256.Size]byte, from source, known map[string]string) (*bom, error) {
	program := component{
		Type:       "application",
		Name:       path.Base(info.Path),
		Version:    from.Version,
		Hashes:     []hash{{"SHA-256", hex.EncodeToString(sum[:])}},
		Licences:   licensed(known["byok"]),
		Properties: settings(info, from),
	}
	program.PURL = "pkg:generic/" + program.Name + "@" + escaped.Replace(program.Version)
	program.Ref = program.PURL
	list, err := modules(info, known)
	if err != nil {
		return nil, err
	}
	made := &bom{
		Schema:   "http://cyclonedx.org/schema/bom-1.6.schema.json", //revive:disable-line:unsecure-url-scheme // its name
		Format:   "CycloneDX",
		Spec:     "1.6",
		Serial:   serial(sum),
		Version:  1,
		Metadata: metadata{from.Time, program},
	}
	made.Dependencies = []dependency{{Ref: program.Ref}}
	for _, c := range list {
		made.add(c)
	}
	return made, nil
}

// add notes a component, which the program links.
func (b *bom) add(c component) {
	b.Components = append(b.Components, c)
	b.Dependencies[0].DependsOn = append(b.Dependencies[0].DependsOn, c.Ref)
}

// modules are Go's library and the modules that are linked. A module's hash is that
// of go.sum, which is of all its files and thus no property of one.
func modules(info *debug.BuildInfo, known map[string]string) ([]component, error) {
	compiler, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	release, _, _ := strings.Cut(compiler, "-X:")
	list := []component{library(golang, std, release, known[std])}
	for _, m := range info.Deps {
		if known[m.Path] == "" {
			return nil, fmt.Errorf("%s has no licence in docs/dependencies.md", m.Path)
		}
		used := replaced(m)
		c := library(golang, used.Path, used.Version, known[m.Path])
		c.Properties = []property{{"byok:go.sum", used.Sum}}
		list = append(list, c)
	}
	return list, nil
}

// golang is what a package URL calls Go's modules.
const golang = "golang"

// library is a component by its package URL, of a kind such as "golang".
func library(kind, name, version, licence string) component {
	purl := "pkg:" + kind + "/" + name + "@" + escaped.Replace(version)
	return component{Type: "library", Ref: purl, Name: name, Version: version, Licences: licensed(licence), PURL: purl}
}

// escaped writes what a package URL does not take in a version as it is.
var escaped = strings.NewReplacer("+", "%2B", ":", "%3A")

func licensed(by string) []licence {
	if strings.Contains(by, " ") {
		return []licence{{Expression: by}}
	}
	return []licence{{Licence: &identifier{by}}}
}

// settings are how the program was built, by the names of go version -m.
func settings(info *debug.BuildInfo, from source) []property {
	list := []property{{"byok:commit", from.Commit}, {"byok:compiler", info.GoVersion}}
	for _, s := range info.Settings {
		if s.Value != "" && slices.Contains([]string{"CGO_ENABLED", "GOARCH", "GOEXPERIMENT", "GOOS", "-tags"}, s.Key) {
			list = append(list, property{"byok:" + strings.TrimPrefix(s.Key, "-"), s.Value})
		}
	}
	return list
}

// serial is a UUID (RFC 9562, version 8) out of the program's hash: who makes the
// bill again gets the same.
func serial(sum [sha256.Size]byte) string {
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}
