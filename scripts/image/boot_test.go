//go:build image

// Package image starts the offline image, which make image has made, in qemu: by
// make test-image, which takes minutes.
package image

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// patience is the longest that an emulated computer may take for anything.
const patience = 20 * time.Minute

const (
	iso     = "../../bin/image/byok-offline.iso"
	softHSM = "/usr/lib/softhsm/libsofthsm2.so"
)

// fromStick are the options of a computer that starts from a stick.
var fromStick = []string{"-device", "usb-storage,drive=image,bootindex=0"}

// machines are the computers that the image must start. Each has network cards of
// three makes, a disk, and a stick besides.
var machines = []struct {
	name string
	args []string
	all  bool // of the checks; the others only show what has started
}{
	{"BIOS from a stick", fromStick, true},
	{"BIOS from a CD", []string{"-device", "ide-cd,bus=ide.0,drive=image,bootindex=0"}, false},
	{"UEFI from a CD", []string{"-device", "ide-cd,bus=ide.0,drive=image,bootindex=0",
		"-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
		"-drive", "if=pflash,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd"}, false},
	{"UEFI with Secure Boot from a stick", []string{"-device", "usb-storage,drive=image,bootindex=0",
		"-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
		"-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
		"-drive", "if=pflash,format=raw,snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.ms.fd"}, false},
}

// worldOn is typed for a rehearsal's world on an HSM.
func worldOn(library string) string {
	return "umask 077; for c in 1 2 3; do mkdir card$c; echo passphrase-$c-of-a-rehearsal >secret$c; done\n" +
		"echo 472913 >pin\n" +
		"byok-offline world create --rehearsal --module-path " + library + " --acs-quorum 2/3 " +
		"--card card1 --card card2 --card card3 --holder Ada --holder Ben --holder Cid " +
		ended("--card-pin-file secret1 --card-pin-file secret2 --card-pin-file secret3 --pin-file pin")
}

// ended is typed for a command's last line, or for all that a failing one said.
func ended(command string) string { return command + " >said 2>&1 && tail -n 1 said || cat said" }

// generate is typed for a key that is made before two of the holders.
var generate = ended("byok-offline key generate --ident first --type RSA --size 2048 --pin-file pin " +
	"--card card1 --card card3 --card-pin-file secret1 --card-pin-file secret3")

// check is what is typed, and all that must appear.
type check struct {
	name, typed, want string
	every             bool // on every machine
}

var checks = []check{
	{"only loopback", "ls /sys/class/net", "lo", true},
	{"contained", "byok-offline confine status >status; echo $?; grep -vc ' yes ' status", "0\n0", true},
	{"no disk but the sticks", "cat /sys/block/*/device/model | grep -v QEMU", "", false},
	{"who types", "id -un; command -v sudo doas", "operator", false},
	{"no network tools", "for t in ip ifconfig nc wget curl ssh ping dhclient busybox; do command -v $t; done", "", false},
	{"no driver of a network", "cd /sys/module; ls -d /usr/lib/modules/*/kernel/drivers/net e1000* virtio_net 8139* " +
		"2>/dev/null; cd", "", false},
	{"no module can be loaded", "cat /proc/sys/kernel/modules_disabled", "1", false},
	{"locked down", "grep -o lockdown=confidentiality /proc/cmdline", "lockdown=confidentiality", false},
	{"the root is read-only", "grep ' / ' /proc/mounts | cut -d ' ' -f 3,4 | cut -d , -f 1", "squashfs ro", false},
	{"nobody becomes another", "find / -xdev -perm /6000 2>/dev/null | sort", "/usr/bin/mount\n/usr/bin/umount", false},
	{"the program", "byok-offline --version | grep -c 'as released  yes'", "1", false},
	{"SoftHSM", ended("byok-offline module check --module-path " + softHSM), "Result: SUCCESS", false},
	{"a world", worldOn(softHSM), "Result: SUCCESS", false},
	{"a key", generate, "Result: SUCCESS", false},
	{"which is the world's", "byok-offline key list 2>/dev/null | grep -c '^first .*quorum'", "1", false},
	{"sticks", "sticks | grep -c exfat", "1", false},
	{"a stick", "for s in /media/sd?1; do mount $s 2>/dev/null; done; cat /media/*/carried.txt; " +
		"d=$(dirname /media/*/carried.txt); cp status $d/back.txt; umount $d; ls $d", "from the other side", false},
	{"a stick of exFAT", "d=${d%1}2; mount $d; cp status $d; umount $d; ls $d; mount $d; " +
		"cmp status $d/status && echo same; umount $d", "same", false},
}

func TestImage(t *testing.T) {
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			stick := carrying(t, "from the other side\n")
			c := start(t, iso, stick, m.args)
			c.passes(t, checks, m.all)
			c.off(t)
			if m.all {
				brought(t, stick)
			}
		})
	}
}

// The partitions of a stick, in sectors.
const (
	sector                      = 512
	fatStart, exFATStart, total = 2048, 16384, 32768
)

// carrying makes a stick: a partition of FAT with one file, and an empty one of exFAT.
func carrying(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	carried, stick, other := filepath.Join(dir, "carried.txt"), filepath.Join(dir, "stick"), filepath.Join(dir, "exfat")
	file(t, carried, text, 0o600)
	file(t, other, string(make([]byte, (total-exFATStart)*sector)), 0o600)
	run(t, "mkfs.exfat", other)
	exFAT, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	disk := make([]byte, exFATStart*sector)
	entry(disk[446:], 0x0c, fatStart, exFATStart-fatStart)
	entry(disk[462:], 0x07, exFATStart, total-exFATStart)
	disk[510], disk[511] = 0x55, 0xaa
	file(t, stick, string(disk)+string(exFAT), 0o600)
	run(t, "mkfs.vfat", "--offset", strconv.Itoa(fatStart), stick, strconv.Itoa((exFATStart-fatStart)*sector/1024))
	run(t, "mcopy", "-i", fatOf(stick), carried, "::")
	return stick
}

// entry fills an entry of a partition table.
func entry(b []byte, kind byte, start, sectors uint32) {
	b[4] = kind
	binary.LittleEndian.PutUint32(b[8:], start)
	binary.LittleEndian.PutUint32(b[12:], sectors)
}

// fatOf names a stick's FAT for mtools.
func fatOf(stick string) string { return stick + "@@" + strconv.Itoa(fatStart*sector) }

// brought holds that what was written on the stick is there.
func brought(t *testing.T, stick string) {
	t.Helper()
	if got := run(t, "mtype", "-i", fatOf(stick), "::back.txt"); !strings.Contains(got, "Landlock domain        yes") {
		t.Errorf("on the stick is\n%s", got)
	}
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// computer is an emulated one, with somebody at its serial terminal.
type computer struct {
	process *exec.Cmd
	keys    io.Writer
	screen  chan string // what appears
	unread  string
	ended   chan error
}

// start switches a computer on that starts from an image, takes the menu's entry for the serial terminal,
// and waits for the prompt.
func start(t *testing.T, image, stick string, args []string) *computer {
	t.Helper()
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	// The emulated clocks go by instructions, one a nanosecond. By a busy machine's own,
	// the kernel may find no timer and panic, and module check's second process is late.
	args = append([]string{"-machine", "q35", "-accel", "tcg", "-icount", "shift=0", "-cpu", "max", "-m", "1536",
		"-display", "none", "-serial", "stdio", "-monitor", "none", "-no-reboot",
		"-nic", "user,model=e1000,restrict=on", "-nic", "user,model=virtio-net-pci,restrict=on",
		"-nic", "user,model=rtl8139,restrict=on",
		"-drive", "if=none,format=raw,id=disk,file=" + disk, "-device", "ide-hd,bus=ide.1,drive=disk,model=TESTDISK",
		"-device", "qemu-xhci",
		"-drive", "if=none,format=raw,id=image,readonly=on,file=" + image,
		"-drive", "if=none,format=raw,id=stick,file=" + stick, "-device", "usb-storage,drive=stick"}, args...)
	qemu := exec.Command("qemu-system-x86_64", args...)
	c := &computer{process: qemu, screen: make(chan string), ended: make(chan error, 1)}
	out, in := c.wire(t)
	go c.read(out)
	c.keys = in
	t.Cleanup(func() { _ = c.process.Process.Kill() })
	c.see(t, `first serial port`)
	t.Log("the menu is there")
	c.key(t, "s")
	c.see(t, `operator@byok-offline:~\$ `)
	c.key(t, "PS1='sh''ell ' exec sh\r") // which leaves the terminal alone, unlike bash
	c.see(t, `shell `)
	c.key(t, "PS1=; stty -echo\r")
	c.types(t, "true") // and whatever was on the screen until now
	t.Log("it has started")
	return c
}

// wire starts the process, with pipes for its serial terminal.
func (c *computer) wire(t *testing.T) (io.Reader, io.Writer) {
	t.Helper()
	out, err := c.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.process.Stderr = os.Stderr
	in, err := c.process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.process.Start(); err != nil {
		t.Fatal(err)
	}
	return out, in
}

// read passes on what appears, until the computer is off.
func (c *computer) read(out io.Reader) {
	r := bufio.NewReader(out)
	b := make([]byte, 4096)
	for {
		n, err := r.Read(b)
		if n > 0 {
			c.screen <- string(b[:n])
		}
		if err != nil {
			c.ended <- c.process.Wait()
			close(c.screen)
			return
		}
	}
}

// see waits until something appears, and returns what was before it.
func (c *computer) see(t *testing.T, pattern string) string {
	t.Helper()
	late := time.After(patience)
	wanted := regexp.MustCompile(pattern)
	for {
		if at := wanted.FindStringIndex(c.unread); at != nil {
			before := c.unread[:at[0]]
			c.unread = c.unread[at[1]:]
			return before
		}
		select {
		case text, on := <-c.screen:
			if !on {
				t.Fatalf("it was off before %q appeared:\n%s", pattern, c.unread)
			}
			c.unread += text
		case <-late:
			t.Fatalf("%q did not appear:\n%s", pattern, c.unread)
		}
	}
}

func (c *computer) key(t *testing.T, keys string) {
	t.Helper()
	if _, err := io.WriteString(c.keys, keys); err != nil {
		t.Fatal(err)
	}
}

// control is what a terminal does not show.
var control = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]|\r`)

// types types a line, and returns what appears.
func (c *computer) types(t *testing.T, line string) string {
	t.Helper()
	for _, part := range strings.Split(line, "\n") {
		c.key(t, part+"\r")
	}
	c.key(t, "echo 'en''d'\r")
	return strings.TrimSpace(control.ReplaceAllString(c.see(t, `end\r?\n`), ""))
}

// passes makes the checks, or those that are for every machine.
func (c *computer) passes(t *testing.T, checks []check, all bool) {
	t.Helper()
	for _, check := range checks {
		if !all && !check.every {
			continue
		}
		if got := c.types(t, check.typed); got != check.want {
			t.Errorf("%s:\n got %q\nwant %q", check.name, got, check.want)
		}
		t.Log(check.name)
	}
}

// off switches the computer off by the operator's command.
func (c *computer) off(t *testing.T) {
	t.Helper()
	c.key(t, "off\r")
	late := time.After(patience)
	for {
		select {
		case err := <-c.ended:
			if err != nil {
				t.Error(errors.Join(errors.New("it did not switch off"), err))
			}
			return
		case text := <-c.screen:
			c.unread += text
		case <-late:
			t.Fatalf("it did not switch off:\n%s", c.unread)
		}
	}
}
