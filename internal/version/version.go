// Package version tells which release a binary is, for --version, the ceremony
// log and the generator field of what it makes.
package version

import "runtime/debug"

// Release is the version of this source tree.
const Release = "0.1.0"

// String returns the release and, in a build from a checkout, the first twelve
// digits of its commit.
func String() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return Release + "+" + s.Value[:12]
		}
	}
	return Release
}
