package library

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"byok/internal/exitcode"
)

// TestConfiguration has a family of its own, for its default files not to
// depend on the machine.
func TestConfiguration(t *testing.T) {
	type environment = map[string]string
	const luna, soft = "ChrystokiConfigurationPath", "SOFTHSM2_CONF"
	dir := t.TempDir()
	etc := dir + "/etc/system.conf"
	f := family{
		name:      "test",
		variables: []variable{{"SOFTHSM2_CONF", itself}, {luna, "Chrystoki.conf"}, {"CKNFAST_*", ""}},
		defaults: []string{
			"~/.config/user.conf", dir + "/etc/system.conf", "here.conf", dir + "/modules/*.module", dir + "/none/*",
		},
	}
	put(t, dir+"/home/.config/user.conf", "user")
	put(t, etc, "system")
	put(t, dir+"/work/here.conf", "here")
	put(t, dir+"/modules/a.module", "a")
	put(t, dir+"/modules/b.module", "b")
	put(t, dir+"/modules/c.disabled", "c")
	put(t, dir+"/luna/Chrystoki.conf", "luna")
	system := []string{"etc/system.conf", "modules/a.module", "modules/b.module", "work/here.conf"}
	defaults := slices.Insert(slices.Clone(system), 1, "home/.config/user.conf")
	home, here, inLuna := dir+"/home", "work/here.conf", []string{"luna/Chrystoki.conf"}
	for name, c := range map[string]struct {
		environment environment
		want        []string // below dir
		missing     []string
	}{
		"defaults":                {environment{"HOME": home}, defaults, nil},
		"empty variable":          {environment{"HOME": home, "SOFTHSM2_CONF": ""}, defaults, nil},
		"variable without a file": {environment{"HOME": home, "CKNFAST_DEBUG": etc}, defaults, nil},
		"another home":            {environment{"HOME": dir + "/other"}, system, []string{"other/.config/user.conf"}},
		"file":                    {environment{soft: etc}, []string{"etc/system.conf"}, nil},
		"relative":                {environment{"SOFTHSM2_CONF": "here.conf"}, []string{"work/here.conf"}, nil},
		"file in a folder":        {environment{luna: dir + "/luna"}, inLuna, nil},
		"two variables":           {environment{luna: dir + "/luna", soft: "here.conf"}, append(inLuna, here), nil},
		"missing, no default":     {environment{"SOFTHSM2_CONF": dir + "/gone.conf"}, nil, []string{"gone.conf"}},
		"one file by two ways":    {environment{luna: dir + "/luna", soft: dir + "/luna/Chrystoki.conf"}, inLuna, nil},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			t.Chdir(dir + "/work")
			for name, value := range c.environment {
				t.Setenv(name, value)
			}
			var id Identity
			if err := id.addSurroundings(f); err != nil {
				t.Fatal(err)
			}
			var want []File
			var reads []string
			for _, file := range c.want {
				want = append(want, File{dir + "/" + file, sha256sum(t, dir+"/"+file)})
				reads = append(reads, dir+"/"+file)
			}
			for _, file := range c.missing {
				reads = append(reads, dir+"/"+file)
			}
			slices.Sort(reads)
			if !slices.Equal(id.Configuration, want) || !slices.Equal(id.reads, reads) {
				t.Errorf("\n got %+v, %q\nwant %+v, %q", id.Configuration, id.reads, want, reads)
			}
		})
	}
}

func TestHomeFolder(t *testing.T) {
	t.Setenv("HOME", "/from/variable")
	if got := homeFolder(); got != "/from/variable" {
		t.Error(got)
	}
	t.Setenv("HOME", "")
	if got := homeFolder(); !filepath.IsAbs(got) || got == "/from/variable" {
		t.Errorf("%q is not the folder in the password file", got)
	}
}

func TestConfigurationThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, dir+"/file", "")
	if err := os.Truncate(put(t, dir+"/holes", ""), 1<<40); err != nil {
		t.Fatal(err)
	}
	pattern := family{defaults: []string{dir + "/file/*"}}
	for name, c := range map[string]struct {
		f     family
		value string
		text  string
	}{
		"pipe":   {family{}, dir + "/pipe", "configuration file " + dir + "/pipe: a named pipe, not a file"},
		"folder": {family{}, dir, "configuration file " + dir + ": a folder, not a file"},
		"holes": {family{}, dir + "/holes",
			"configuration file " + dir + "/holes: larger than the 16777216 bytes that such a file may have"},
		"below a file":   {family{}, dir + "/file/x", "configuration file " + dir + "/file/x: not a directory"},
		"default folder": {pattern, "", "configuration folder " + dir + "/file: not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			clean(t)
			t.Setenv("SOFTHSM2_CONF", c.value)
			c.f.variables = []variable{{"SOFTHSM2_CONF", itself}}
			err := new(Identity).addSurroundings(c.f)
			expect(t, err, failure{c.text, exitcode.Failed, ""})
		})
	}
	t.Run("status", func(t *testing.T) {
		clean(t)
		t.Setenv("SOFTHSM2_CONF", dir)
		_, err := Identify(softHSM(t))
		expect(t, err, failure{"configuration file " + dir + ": a folder, not a file", exitcode.Refused, ""})
	})
}
