// Package airgap looks whether this computer is disconnected: which of its network
// interfaces are up, other than the loopback.
//
// Use [Look] with [Folder]. It reads files of the kernel's and makes no system call of
// networking, so that byok-offline needs no networking code for it. It finds a
// cable or a radio that was forgotten. It does not protect from an attacker: whoever controls the
// computer decides what these files say, and a program in another network namespace
// has other interfaces.
package airgap

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"byok/internal/durable"
	"byok/internal/printable"
)

// Folder is where Linux shows the network interfaces (sysfs-class-net).
const Folder = "/sys/class/net"

// Interface flags (netdevice(7)).
const (
	flagUp       = 0x1
	flagLoopback = 0x8
)

// maxFlags is the most bytes of the file with the flags: it says that it has a page.
const maxFlags = 1 << 16

// Sight is what was seen of the network interfaces.
type Sight struct {
	Up     []string // names of those that are up, without the loopback, sorted
	Unseen error    // why they cannot be seen; nil where they can
}

// Look reads a folder such as [Folder]. An interface that is up counts also where its
// cable is not plugged in: it can be at any moment.
func Look(dir string) Sight {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Sight{Unseen: fmt.Errorf("%s: %w", dir, durable.Cause(err))}
	}
	var up []string
	for _, e := range entries {
		flags, err := flagsOf(filepath.Join(dir, e.Name()))
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has gone, or is a file about all of them, such as bonding_masters
		case err != nil:
			return Sight{Unseen: err}
		case flags&flagUp != 0 && flags&flagLoopback == 0:
			up = append(up, e.Name())
		}
	}
	slices.Sort(up)
	return Sight{Up: up}
}

// flagsOf reads the flags of an interface: a hexadecimal number and a line end.
func flagsOf(dir string) (uint64, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return 0, fs.ErrNotExist
	}
	text, err := durable.ReadFile(filepath.Join(dir, "flags"), maxFlags)
	if err != nil {
		return 0, err
	}
	flags, err := strconv.ParseUint(strings.TrimSpace(string(text)), 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: its flags are not a number", printable.Escape(dir))
	}
	return flags, nil
}

// NoneUp is the [Sight.Text] of a computer that looks disconnected.
const NoneUp = "none is up"

// Text is the sight for the record: [NoneUp], "up: eth0, wlan0", or why nothing was
// seen.
func (s Sight) Text() string {
	switch {
	case s.Unseen != nil:
		return "not seen: " + s.Unseen.Error()
	case len(s.Up) == 0:
		return NoneUp
	}
	return "up: " + s.names()
}

// named is how many interfaces a message names.
const named = 5

func (s Sight) names() string {
	var list []string
	for _, name := range s.Up[:min(named, len(s.Up))] {
		list = append(list, printable.Escape(name))
	}
	if more := len(s.Up) - named; more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(list, ", ")
}

// Warning says what somebody must know of the sight, and how to go on; nothing where
// the computer looks disconnected.
func (s Sight) Warning() (text, hint string) {
	switch {
	case s.Unseen != nil:
		return "whether this workstation is disconnected cannot be seen (" + s.Unseen.Error() + ")",
			"see that no network cable is plugged in and that radio is off"
	case len(s.Up) == 0:
		return "", ""
	}
	return "network interfaces that are up: " + s.names(), s.takeDown()
}

// takeDown is the command line that takes the interfaces down.
func (s Sight) takeDown() string {
	var list []string
	for _, name := range s.Up {
		list = append(list, "ip link set "+printable.Quote(name)+" down")
	}
	return strings.Join(list, " && ")
}
