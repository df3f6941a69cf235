package version

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

func setting(key, value string) debug.BuildSetting { return debug.BuildSetting{Key: key, Value: value} }

const commitName = "0705c3d0fb52aaaabbbbccccddddeeeeffff0000"

func TestBuild(t *testing.T) {
	released := []debug.BuildSetting{
		setting("-tags", "osusergo,netgo,urfave_cli_no_docs"), setting("GOEXPERIMENT", "runtimesecret"),
		setting("GOOS", "linux"), setting("GOARCH", "arm64"),
	}
	stamped := append(slices.Clone(released), setting("vcs.revision", commitName), setting("vcs.modified", "false"))
	changed := append(slices.Clone(released), setting("vcs.revision", commitName), setting("vcs.modified", "true"))
	netgo := []debug.BuildSetting{setting("-tags", "netgo"), released[1]}
	for _, test := range []struct {
		name     string
		settings []debug.BuildSetting
		word     string
		source   string
		missing  string
	}{
		{"released", stamped, Release + "+0705c3d0fb52", commitName, ""},
		{"changed since the commit", changed, Release + "+0705c3d0fb52.dirty", commitName + ", modified", ""},
		{"with the commit's time", append(slices.Clone(changed), setting("vcs.time", "2026-11-26T03:00:00Z")),
			Release + "+0705c3d0fb52.dirty", commitName + " of 2026-11-26, modified", ""},
		{"outside a checkout", released, Release, "unknown", ""},
		{"a commit cut short", append(slices.Clone(released), setting("vcs.revision", "0705c3d")), Release, "0705c3d", ""},
		{"without experiment", released[:1], Release, "unknown", "GOEXPERIMENT runtimesecret"},
		{"one tag alone", netgo, Release, "unknown", "tag osusergo, tag urfave_cli_no_docs"},
		{"plain", nil, Release, "unknown", "tag netgo, tag osusergo, tag urfave_cli_no_docs, GOEXPERIMENT runtimesecret"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := buildOf(&debug.BuildInfo{GoVersion: "go1.26.8-X:runtimesecret", Settings: test.settings}, nil)
			missing := strings.Join(b.Missing(), ", ")
			if b.Word() != test.word || b.source() != test.source || missing != test.missing || b.Compiler != "go1.26.8" {
				t.Errorf("word %s, source %s, missing %s, compiler %s", b.Word(), b.source(), missing, b.Compiler)
			}
		})
	}
}

// TestLinked holds that a commit that the linker wrote counts, with or without that
// of a checkout.
func TestLinked(t *testing.T) {
	checkout := []debug.BuildSetting{setting("vcs.revision", "ffff"), setting("vcs.modified", "true")}
	for _, settings := range [][]debug.BuildSetting{nil, checkout} {
		info := &debug.BuildInfo{GoVersion: "go1.26.8", Settings: settings}
		b := buildOf(info, linked(commitName, "2026-11-26T03:00:00Z", "false"))
		if b.Word() != Release+"+0705c3d0fb52" || b.source() != commitName+" of 2026-11-26" {
			t.Errorf("word %s, source %s", b.Word(), b.source())
		}
	}
	if linked("", "", "") != nil {
		t.Error("without a commit, something is linked")
	}
}

func TestStringOfBuild(t *testing.T) {
	b := Build{
		Release: "1.2.3", Commit: commitName, Modified: true, Compiler: "go1.26.8", Platform: "linux/amd64",
		Tags: Tags(), Experiments: []string{Experiment},
	}
	const want = `1.2.3
commit      0705c3d0fb52aaaabbbbccccddddeeeeffff0000, modified
compiler    go1.26.8, linux/amd64
tags        netgo osusergo urfave_cli_no_docs
experiments runtimesecret
as released yes`
	if got := b.String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	b.Tags, b.Experiments = nil, nil
	if got := b.String(); !strings.HasSuffix(got, "\ntags        none\nexperiments none\nas released NO, build it with make build") {
		t.Errorf("%s", got)
	}
}

// TestBuilt reads this test's own build.
func TestBuilt(t *testing.T) {
	b := Built()
	if b.Release != Release || !strings.HasPrefix(b.Compiler, "go1.") || !strings.Contains(b.Platform, "/") {
		t.Errorf("%+v", b)
	}
	if !slices.IsSorted(Tags()) {
		t.Errorf("%q", Tags())
	}
	if String() != b.Word() {
		t.Errorf("%s, %s", String(), b.Word())
	}
}
