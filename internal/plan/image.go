package plan

import (
	"errors"
	"regexp"

	"byok/internal/fingerprint"
)

// Image is the offline image that the disconnected workstation starts from. It is
// public and stays as it is: whoever approves the plan makes the same one and
// hashes it, and on the day the medium is hashed before the workstation starts.
type Image struct {
	SHA256 string `yaml:"sha256"` // 64 lower-case hex digits
	Bytes  int64  `yaml:"bytes"`  // of the image: a medium has more
}

// Groups is the SHA-256 as [fingerprint.Sum.Groups] has it; in a plan with
// findings, what stands there.
func (i Image) Groups() string { return groups(i.SHA256) }

func groups(text string) string {
	sum, err := fingerprint.Parse(text)
	if err != nil {
		return text
	}
	return sum.Groups()
}

var (
	sha256Digits = regexp.MustCompile(`^[0-9a-f]{64}$`)
	errDigits    = errors.New("not a SHA-256, 64 digits of 0 to 9 and a to f")
	errBytes     = errors.New("not the image's size in bytes")
)

// image holds that an image has both its fields, or that there is none.
func (c *checking) image() {
	switch i := c.Image; {
	case i == Image{}:
	case !sha256Digits.MatchString(i.SHA256):
		c.fail("image.sha256", errDigits)
	case i.Bytes <= 0:
		c.fail("image.bytes", errBytes)
	}
}
