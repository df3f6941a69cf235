//go:build image

package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// vendors are a vendor's files but for the libraries: see docs/image.md. The rule is
// for qemu's sticks. The last file would make its user root, if its mode were kept.
var vendors = []struct {
	path, text string
	mode       os.FileMode
}{
	{"etc/ld.so.conf.d/vendor.conf", "/opt/vendor/lib\n", 0o600},
	{"etc/softhsm/softhsm2.conf", "directories.tokendir = /var/lib/vendor/tokens\n", 0o666},
	{"lib/udev/rules.d/60-vendor.rules",
		`SUBSYSTEM=="usb", ATTR{idVendor}=="46f4", GROUP="operator", MODE="0660"` + "\n", 0o644},
	{"etc/byok-image.d/10-vendor", "#!/bin/sh\ninstall -d -o operator -g operator -m 700 /var/lib/vendor/tokens\n" +
		"/opt/vendor/bin/vendord &\n", 0o755},
	{"etc/byok-image.d/20-left-out", "#!/bin/sh\ntouch /var/lib/vendor/left-out\n", 0o644},
	{"opt/vendor/bin/vendord", "#!/bin/sh\necho $$ >/run/vendord.pid\nexec sleep 1000000\n", 0o777},
	{"opt/vendor/bin/root", "", 0o755 | os.ModeSetuid},
}

// The vendor's libraries: one has a path, and the other is found by ldconfig's list.
// The HSM is SoftHSM.
const (
	pkcs11 = `int vendor_list(void **list);
int C_GetFunctionList(void **list) { return vendor_list(list); }
`
	core = `#include <dlfcn.h>
int vendor_list(void **list)
{
	int (*get)(void **) = (int (*)(void **))dlsym(dlopen("` + softHSM + `", RTLD_NOW), "C_GetFunctionList");
	return get(list);
}
`
)

const vendorLibrary = "/opt/vendor/lib/libpkcs11.so"

var vendorChecks = []check{
	{"contained", "byok-offline confine status >status; echo $?; grep -vc ' yes ' status", "0\n0", true},
	{"locked down", "grep -o lockdown=confidentiality /proc/cmdline", "lockdown=confidentiality", true},
	{"nobody else writes", "find /opt /etc /usr ! -type l \\( ! -user root -o -perm /022 \\) 2>/dev/null", "", true},
	{"nobody becomes another", "find / -xdev -perm /6000 2>/dev/null | sort", "/usr/bin/mount\n/usr/bin/umount", true},
	{"the sticks are the operator's", "find /dev/bus/usb -type c -group operator -perm 660 | wc -l", "2", true},
	{"the daemon runs", "ls -d /proc/$(cat /run/vendord.pid)/status | wc -l", "1", true},
	{"started and not started", "ls /var/lib/vendor", "tokens", true},
	{"module list", "byok-offline module list --module-path " + vendorLibrary + " 2>&1 | sed -n '1p;$p' | tr -s ' '",
		"Implementation of PKCS11 2.6 (" + vendorLibrary + ")\n0 SoftHSM v2 2.6 free", true},
	{"module check", ended("byok-offline module check --module-path " + vendorLibrary), "Result: SUCCESS", true},
	{"a world", worldOn(vendorLibrary), "Result: SUCCESS", true},
	{"a key", generate, "Result: SUCCESS", true},
	{"its token and the check's", "ls /var/lib/vendor/tokens | wc -l", "2", true},
}

// TestVendor makes an image with a vendor's files, and starts it.
func TestVendor(t *testing.T) {
	dir := t.TempDir()
	folder, out := filepath.Join(dir, "vendor"), filepath.Join(dir, "image")
	for _, f := range vendors {
		file(t, filepath.Join(folder, f.path), f.text, f.mode)
	}
	libraries(t, filepath.Join(folder, "opt/vendor/lib"))
	if said, err := vendored(folder, out); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	t.Log("it is made")
	c := start(t, filepath.Join(out, "byok-offline.iso"), carrying(t, ""), fromStick)
	c.passes(t, vendorChecks, true)
	c.off(t)
}

// vendored makes an image with a vendor's files, and returns what was said.
func vendored(folder, out string) (said string, err error) {
	c := exec.Command("../image.sh", out)
	c.Env = append(os.Environ(), "VENDOR="+folder)
	text, err := c.CombinedOutput()
	return string(text), err
}

// libraries compiles the vendor's libraries.
func libraries(t *testing.T, folder string) {
	t.Helper()
	dir := t.TempDir()
	file(t, filepath.Join(dir, "core.c"), core, 0o600)
	file(t, filepath.Join(dir, "pkcs11.c"), pkcs11, 0o600)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(folder, "libvendor.so.1")
	run(t, "cc", "-shared", "-fPIC", "-Wl,-soname,libvendor.so.1", "-o", other, filepath.Join(dir, "core.c"), "-ldl")
	run(t, "cc", "-shared", "-fPIC", "-o", filepath.Join(folder, "libpkcs11.so"), filepath.Join(dir, "pkcs11.c"), other)
}

// file writes a file, with its mode, and the folders above it.
func file(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	for _, err := range []error{
		os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestRefused holds that no image is made of a vendor's files that nobody would see,
// or that drive a network.
func TestRefused(t *testing.T) {
	kernel := strings.TrimSpace(run(t, "sed", "-n", "s/^part linux-image-\\([^ ]*\\) .*/\\1/p", "packages.txt"))
	for _, c := range []struct{ name, file, want string }{
		{"hidden", "var/lib/vendor.conf",
			"image: VENDOR has var/lib, which is empty at the start: make it in a file of etc/byok-image.d\n"},
		{"a driver of another kernel", "usr/lib/modules/5.10.0/vendor.ko",
			"image: VENDOR has a driver of kernel 5.10.0: this one is " + kernel + "\n"},
		{"a driver of a network", "usr/lib/modules/" + kernel + "/extra/vendor.ko",
			"image: extra/vendor.ko imports register_netdev: no driver of a network may be in the image\n"},
		{"a driver that cannot be read", "usr/lib/modules/" + kernel + "/extra/vendor.ko.zst",
			"image: extra/vendor.ko.zst cannot be read: a driver is .ko or .ko.xz\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "vendor", c.file)
			file(t, path, "vendor", 0o600)
			if filepath.Ext(path) == ".ko" {
				source := filepath.Join(dir, "vendor.c")
				file(t, source, "int register_netdev(void *);\nint start(void) { return register_netdev(0); }\n", 0o600)
				run(t, "cc", "-c", "-o", path, source)
			}
			said, err := vendored(filepath.Join(dir, "vendor"), filepath.Join(dir, "image"))
			if err == nil || !strings.HasSuffix(said, c.want) {
				t.Errorf("%v\n got %s\nwant %s", err, said, c.want)
			}
		})
	}
}
