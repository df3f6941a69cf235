package library

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
	"byok/internal/strictjson"
)

const giveLibrary = "give the vendor's PKCS#11 library with --module-path, such as /usr/lib/softhsm/libsofthsm2.so"

func TestIdentify(t *testing.T) {
	clean(t)
	conf := put(t, t.TempDir()+"/my.conf", "log.level = ERROR\n")
	t.Setenv("SOFTHSM2_CONF", conf)
	t.Setenv("ChrystokiConfigurationPath", "/of/another/family")
	library := softHSM(t)
	want, err := filepath.EvalSymlinks(library)
	if err != nil {
		t.Fatal(err)
	}
	there := link(t, library, t.TempDir()+"/link")
	id := identify(t, there)
	if id.Path != want || id.SHA256 != sha256sum(t, want) || id.Family != "SoftHSM" {
		t.Errorf("%+v", id)
	}
	if !reflect.DeepEqual(id.Environment, []Variable{{"SOFTHSM2_CONF", conf}}) {
		t.Errorf("environment %+v", id.Environment)
	}
	if !reflect.DeepEqual(id.Configuration, []File{{conf, sha256sum(t, conf)}}) {
		t.Errorf("configuration %+v", id.Configuration)
	}
}

func TestIdentifyRefuses(t *testing.T) {
	dir := t.TempDir()
	pipe := dir + "/pipe.so"
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	loop := link(t, dir+"/loop.so", dir+"/loop.so")
	text := put(t, dir+"/text.so", "not a library")
	program, err := filepath.EvalSymlinks("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(softHSM(t))
	if err != nil {
		t.Fatal(err)
	}
	holes := put(t, dir+"/holes.so", string(header))
	if err := os.Truncate(holes, 1<<40); err != nil {
		t.Fatal(err)
	}
	cut := put(t, dir+"/cut.so", string(header[:len(header)/2]))
	header[16] = 1 // e_type: ET_REL, a file for the linker (elf(5))
	relocatable := put(t, dir+"/relocatable.so", string(header))
	const noEntry = "not a PKCS#11 library: it does not export C_GetFunctionList"
	for name, c := range map[string]struct{ path, text string }{
		"missing":          {dir + "/missing.so", "no such file or directory"},
		"folder":           {dir, "a folder, not a file"},
		"pipe":             {pipe, "a named pipe, not a file"},
		"device":           {"/dev/zero", "a device, not a file"},
		"loop of links":    {loop, "too many symbolic links"},
		"text":             {text, "not a shared library"},
		"holes":            {holes, "larger than the 268435456 bytes that such a file may have"},
		"cut short":        {cut, "a damaged shared library"},
		"object file":      {relocatable, "not a shared library"},
		"program":          {program, noEntry},
		"caller":           {caller(t), noEntry},
		"below a file":     {text + "/x.so", "not a directory"},
		"other library":    {installed(t, "libc.so.6", "libc6"), noEntry},
		"nothing is named": {dir + "/", "a folder, not a file"},
	} {
		t.Run(name, func(t *testing.T) {
			want := failure{"PKCS#11 library " + c.path + ": " + c.text, exitcode.Usage, giveLibrary}
			_, err := Identify(c.path)
			expect(t, err, want)
			if strings.Contains(c.text, "directory") || name == "loop of links" {
				return // CheckFile leaves links to the kernel, which has words of its own
			}
			expect(t, CheckFile(c.path), want)
		})
	}
	if err := CheckFile(softHSM(t)); err != nil {
		t.Error(err)
	}
}

// caller compiles a library that calls C_GetFunctionList and does not have it.
func caller(t *testing.T) string {
	t.Helper()
	source := put(t, t.TempDir()+"/caller.c", "int C_GetFunctionList(void *);\nint f(void) { return C_GetFunctionList(0); }\n")
	library := source + ".so"
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, source).CombinedOutput(); err != nil {
		t.Fatalf("these tests need a C compiler (apt-get install gcc libc6-dev): %v: %s", err, out)
	}
	return library
}

func TestIdentityHasOneSpelling(t *testing.T) {
	clean(t)
	t.Setenv("SOFTHSM2_CONF", put(t, t.TempDir()+"/my.conf", ""))
	id := identify(t, softHSM(t))
	bare := Identity{Environment: []Variable{}, Configuration: []File{}}
	for name, id := range map[string]Identity{"with configuration": id, "bare": bare} {
		data, err := strictjson.Marshal(id)
		if err != nil {
			t.Fatal(err)
		}
		var again Identity
		err = strictjson.Unmarshal("identity", data, len(data), &again)
		if rewritten, e := strictjson.Marshal(again); err != nil || e != nil || !bytes.Equal(rewritten, data) {
			t.Errorf("%s: %v: %s", name, err, data)
		}
		if d := Compare(id, again); len(d) != 0 {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

func TestIdentifyRefusesNamesThatJSONCannotHold(t *testing.T) {
	clean(t)
	bad := copyOf(t, softHSM(t), t.TempDir()+"/bad\xff/lib.so")
	for name, c := range map[string]struct{ library, conf, text string }{
		"library":  {bad, "", bad},
		"variable": {softHSM(t), "/etc/bad\xff", "/etc/bad\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOFTHSM2_CONF", c.conf)
			_, err := Identify(c.library)
			text := strings.ReplaceAll(`"`+c.text+`"`, "\xff", `\xff`)
			text += " is not valid UTF-8, so no statement can record it"
			expect(t, err, failure{text, exitcode.Refused, "give the file or the folder another name"})
		})
	}
}

func TestCompare(t *testing.T) {
	old, changed := fingerprint.Of([]byte("old")), fingerprint.Of([]byte("new"))
	recorded := Identity{
		Path:          "/opt/hsm/lib.so",
		SHA256:        old,
		Family:        "Luna",
		Environment:   []Variable{{"ChrystokiConfigurationPath", "/etc/luna"}},
		Configuration: []File{{"/etc/luna/Chrystoki.conf", old}},
	}
	for name, c := range map[string]struct {
		change func(*Identity)
		want   []Difference
	}{
		"nothing": {func(*Identity) {}, nil},
		"library": {func(id *Identity) { id.SHA256 = changed },
			[]Difference{{"library", old.String(), changed.String(), true}}},
		"family": {func(id *Identity) { id.Family = "SoftHSM" },
			[]Difference{{"library family", "Luna", "SoftHSM", true}}},
		"path alone": {func(id *Identity) { id.Path = "/usr/lib/lib.so" },
			[]Difference{{"library path", "/opt/hsm/lib.so", "/usr/lib/lib.so", false}}},
		"value": {func(id *Identity) { id.Environment = []Variable{{"ChrystokiConfigurationPath", "/tmp"}} },
			[]Difference{{"environment variable ChrystokiConfigurationPath", "/etc/luna", "/tmp", true}}},
		"variable gone": {func(id *Identity) { id.Environment = nil },
			[]Difference{{"environment variable ChrystokiConfigurationPath", "/etc/luna", "none", true}}},
		"variable more, empty": {func(id *Identity) { id.Environment = append(id.Environment, Variable{"X", ""}) },
			[]Difference{{"environment variable X", "none", "empty", true}}},
		"configuration": {func(id *Identity) { id.Configuration = []File{{"/etc/luna/Chrystoki.conf", changed}} },
			[]Difference{{"configuration file /etc/luna/Chrystoki.conf", old.String(), changed.String(), true}}},
		"configuration elsewhere": {func(id *Identity) { id.Configuration = []File{{"/etc/Chrystoki.conf", old}} },
			[]Difference{
				{"configuration file /etc/Chrystoki.conf", "none", old.String(), true},
				{"configuration file /etc/luna/Chrystoki.conf", old.String(), "none", true},
			}},
		"all": {func(id *Identity) { *id = Identity{Family: "unknown"} },
			[]Difference{
				{"library", old.String(), fingerprint.Sum{}.String(), true},
				{"library family", "Luna", "unknown", true},
				{"library path", "/opt/hsm/lib.so", "empty", false},
				{"configuration file /etc/luna/Chrystoki.conf", old.String(), "none", true},
				{"environment variable ChrystokiConfigurationPath", "/etc/luna", "none", true},
			}},
	} {
		t.Run(name, func(t *testing.T) {
			now := recorded
			c.change(&now)
			got := Compare(recorded, now)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("\n got %+v\nwant %+v", got, c.want)
			}
			if want := name != "nothing" && name != "path alone"; Binding(got) != want {
				t.Errorf("binding: %t", !want)
			}
		})
	}
}
