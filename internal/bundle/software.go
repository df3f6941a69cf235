package bundle

import (
	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
	"byok/internal/version"
)

// Software says of the program that made a bundle what it is, and what the kernel
// refused it when it tried. It is JSON, in [Programs].
type Software struct {
	Type     string          `json:"type"`
	Version  int             `json:"version"`
	Program  string          `json:"program"`
	SHA256   fingerprint.Sum `json:"program_sha256"` // of its file
	Build    version.Build   `json:"build"`
	Confined []Attempt       `json:"confined"` // as "confine status" shows
}

// Attempt is something that the program tried and that should be refused, or a
// property of its process: a row of package confine, which byok-online does not link.
type Attempt struct {
	Name   string `json:"name"`   // such as "socket AF_INET"
	OK     bool   `json:"ok"`     // whether it held
	Detail string `json:"detail"` // what was found
}

const (
	softwareType    = "byok-software"
	softwareVersion = 1
	maxSoftware     = 1 << 20 // bytes
)

// NewSoftware describes a program.
func NewSoftware(program string, sum fingerprint.Sum, built version.Build, confined []Attempt) Software {
	return Software{softwareType, softwareVersion, program, sum, built, confined}
}

// ParseSoftware decodes the content of the file called name. It accepts only what
// a bundle's maker writes; the error has the status Check.
func ParseSoftware(name string, data []byte) (Software, error) {
	var s Software
	if err := strictjson.Expect(name, data, maxSoftware, softwareType, softwareVersion); err != nil {
		return s, exitcode.Mark(exitcode.Check, err)
	}
	return s, exitcode.Mark(exitcode.Check, strictjson.Exact(name, data, maxSoftware, &s))
}
