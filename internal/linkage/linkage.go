// Package linkage says whether a program's file holds code that reaches a
// network: by its functions, its imports, and the system calls in its code.
//
// Use Examine on the whole file and read [Report.Conclusion]. NotJudged is no
// pass: it stands where the file cannot be read as a program of Go, or where
// what it does is not in its code. The rules are tables ([Rules]), each with its
// name and reason, and so is what is expected to be found: nothing else is.
//
// It shows what the program's own file holds. What a library that is loaded at
// run time brings, and what another program does that it starts, is confined by
// the kernel instead: see package confine.
package linkage

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"strings"

	"byok/internal/executable"
	"byok/internal/fingerprint"
	"byok/internal/machinecode"
)

// Conclusion is what a report comes to.
type Conclusion string

// The conclusions.
const (
	None      Conclusion = "no networking code"
	Found     Conclusion = "networking code"
	NotJudged Conclusion = "cannot be judged"
)

// Report is what was found in a file. Texts of the file's own are as they stand
// there, and may be hostile.
type Report struct {
	File       string     `json:"file,omitempty"` // as the caller names it
	Size       int        `json:"size"`           // in bytes
	SHA256     string     `json:"sha256"`         // 64 hex digits
	Conclusion Conclusion `json:"conclusion"`
	Unjudged   []string   `json:"unjudged,omitempty"` // why it cannot be judged
	Program    *Program   `json:"program,omitempty"`
	Checks     []Check    `json:"checks,omitempty"`
	Beyond     []Beyond   `json:"beyond,omitempty"`
}

// Program is what the file says of itself.
type Program struct {
	Format    string   `json:"format"`   // "ELF" or "PE"
	Platform  string   `json:"platform"` // "linux/amd64"
	Go        string   `json:"go,omitempty"`
	Path      string   `json:"path,omitempty"`     // of the main package
	Settings  []string `json:"settings,omitempty"` // of the build, KEY=VALUE
	Modules   []string `json:"modules,omitempty"`  // PATH VERSION
	Libraries []string `json:"libraries,omitempty"`
	Imports   []string `json:"imports,omitempty"`
	Functions int      `json:"functions"` // of Go
	Code      int      `json:"code"`      // bytes that were read as code
}

// Check is the result of one rule.
type Check struct {
	Name     string     `json:"name"`
	Found    []string   `json:"found,omitempty"`  // what is not expected
	Opaque   bool       `json:"opaque,omitempty"` // what was found cannot be judged
	Expected []Expected `json:"expected,omitempty"`
}

// Expected is what a rule finds and a table of this package explains.
type Expected struct {
	Places []string `json:"places"`
	Reason string   `json:"reason"`
}

// Beyond is a way to code that is not in the file.
type Beyond struct {
	Name   string   `json:"name"`
	Places []string `json:"places"`
	Reason string   `json:"reason"`
}

// subject is what rules look at.
type subject struct {
	file  []byte
	image *executable.Image
	code  machinecode.Code
	names []string          // of Go's functions
	data  map[uint64]string // networking libraries whose names are in the data
}

// Examine reads a file. Whatever the file is, it returns a report.
func Examine(file []byte) Report {
	r := Report{Size: len(file), SHA256: fingerprint.Of(file).String()}
	image, err := executable.Read(file)
	if err != nil {
		r.unjudged("%v", err)
		return r
	}
	s := subject{file: file, image: image, data: namedLibraries(image)}
	s.code = machinecode.Scan(image, addresses(s.data))
	for _, t := range image.Tables {
		s.names = append(s.names, t.Names...)
	}
	r.Program = describe(s, file)
	r.judgeable(s)
	for _, rule := range Rules() {
		if rule.applies(image) {
			r.add(rule, rule.check(s))
		}
	}
	r.Beyond = beyond(s)
	if len(r.Failed()) > 0 {
		r.Conclusion = Found
	}
	return r
}

// add adds the result of a rule.
func (r *Report) add(rule Rule, c Check) {
	if rule.opaque && len(c.Found) > 0 {
		c.Opaque = true
		r.unjudged("%s: %s", c.Name, strings.Join(some(c.Found), ", "))
	}
	r.Checks = append(r.Checks, c)
}

func (r *Report) unjudged(format string, args ...any) {
	r.Unjudged = append(r.Unjudged, fmt.Sprintf(format, args...))
	r.Conclusion = NotJudged
}

// Failed returns the names of the checks that found networking code.
func (r Report) Failed() (names []string) {
	for _, c := range r.Checks {
		if len(c.Found) > 0 && !c.Opaque {
			names = append(names, c.Name)
		}
	}
	return names
}

// judgeable notes whatever makes what is found say nothing.
func (r *Report) judgeable(s subject) {
	r.Conclusion = None
	r.judgeableTables(len(s.image.Tables))
	if s.code.Excess {
		r.unjudged("more code, or more calls, than any program has")
	}
	for _, how := range s.image.Alterable {
		r.unjudged("%s", how)
	}
	if r.Program.Go == "" {
		r.unjudged("no build information of Go")
	}
	for _, segment := range s.image.Segments {
		if segment.Executable && segment.Writable {
			r.unjudged("code at %#x that can be rewritten at run time", segment.Address)
		}
	}
}

func (r *Report) judgeableTables(n int) {
	switch n {
	case 0:
		r.unjudged("no table of Go's functions: it is packed, or not a program of Go")
	case 1:
	default:
		r.unjudged("%d tables of Go's functions, where the linker makes one", n)
	}
}

func describe(s subject, file []byte) *Program {
	p := &Program{
		Format: s.image.Format, Platform: s.image.OS + "/" + s.image.Arch,
		Libraries: s.image.Libraries, Code: s.code.Size,
	}
	for _, i := range s.image.Imports {
		p.Imports = append(p.Imports, i.Name)
	}
	for _, t := range s.image.Tables {
		p.Functions += len(t.Functions)
	}
	info, err := buildinfo.Read(bytes.NewReader(file))
	if err != nil {
		return p
	}
	p.Go, p.Path = info.GoVersion, info.Path
	for _, setting := range info.Settings {
		p.Settings = append(p.Settings, setting.Key+"="+setting.Value)
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			p.Modules = append(p.Modules, m.Path+" replaced by "+m.Replace.Path+" "+m.Replace.Version)
			continue
		}
		p.Modules = append(p.Modules, m.Path+" "+m.Version)
	}
	return p
}
