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
	licence struct {
		Licence struct {
			ID string `json:"id"`
		} `json:"license"`
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
func sbom(out io.Writer, file string, from source, known map[string]string) error {
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
	program.PURL = "pkg:generic/" + program.Name + "@" + strings.ReplaceAll(program.Version, "+", "%2B")
	program.Ref = program.PURL
	list, err := modules(info, known)
	if err != nil {
		return nil, err
	}
	made := &bom{
		Schema:     "http://cyclonedx.org/schema/bom-1.6.schema.json", //revive:disable-line:unsecure-url-scheme // its name
		Format:     "CycloneDX",
		Spec:       "1.6",
		Serial:     serial(sum),
		Version:    1,
		Metadata:   metadata{from.Time, program},
		Components: list,
	}
	all := dependency{Ref: program.Ref}
	for _, c := range list {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	made.Dependencies = []dependency{all}
	return made, nil
}

// modules are Go's library and the modules that are linked. A module's hash is that
// of go.sum, which is of all its files and thus no property of one.
func modules(info *debug.BuildInfo, known map[string]string) ([]component, error) {
	compiler, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	release, _, _ := strings.Cut(compiler, "-X:")
	list := []component{library(std, release, known[std])}
	for _, m := range info.Deps {
		if known[m.Path] == "" {
			return nil, fmt.Errorf("%s has no licence in docs/dependencies.md", m.Path)
		}
		used := replaced(m)
		c := library(used.Path, used.Version, known[m.Path])
		c.Properties = []property{{"byok:go.sum", used.Sum}}
		list = append(list, c)
	}
	return list, nil
}

func library(name, version, licence string) component {
	purl := "pkg:golang/" + name + "@" + strings.ReplaceAll(version, "+", "%2B")
	return component{Type: "library", Ref: purl, Name: name, Version: version, Licences: licensed(licence), PURL: purl}
}

func licensed(id string) []licence {
	var l licence
	l.Licence.ID = id
	return []licence{l}
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
