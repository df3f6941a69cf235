package plan

import "byok/internal/fingerprint"

// Kit is the kit that the disconnected workstation was installed from. It holds a
// release, and neither this plan nor a toolset, which come later: whoever approves the
// plan makes the same one of the same release, and finds the same list.
type Kit struct {
	SHA256 string `yaml:"sha256"` // of its SHA256SUMS, 64 lower-case hex digits
}

// Groups is the SHA-256 as [fingerprint.Sum.Groups] has it; in a plan with
// findings, what stands there.
func (k Kit) Groups() string { return groups(k.SHA256) }

// FirstWords are the eight words by which people compare the SHA-256; in a plan with
// findings there are none.
func (k Kit) FirstWords() string {
	sum, err := fingerprint.Parse(k.SHA256)
	if err != nil {
		return ""
	}
	return sum.FirstWords(8)
}

// kit holds that a kit has its field, or that there is none.
func (c *checking) kit() {
	if c.Kit != (Kit{}) && !sha256Digits.MatchString(c.Kit.SHA256) {
		c.fail("kit.sha256", errDigits)
	}
}
