package yubihsm

import (
	"byok/internal/testkit/yubihsm/wire"
	"crypto/sha256"
	"encoding/binary"
)

// logSize is how many entries the device's log holds; the oldest goes first.
const logSize = 62

// digestSize is how much of an entry's hash is kept.
const digestSize = 16

// entry is one line of the log.
type entry struct {
	number  uint16
	command wire.Code
	length  uint16
	key     uint16 // the authentication key
	objects [2]uint16
	result  wire.Code
	digest  [digestSize]byte
}

// audit is the log: each entry's digest covers the one before it.
type audit struct {
	entries []entry
	number  uint16
	last    [digestSize]byte
}

func (a *audit) add(e entry) {
	a.number++
	e.number = a.number
	sum := sha256.Sum256(append(e.bytes(), a.last[:]...))
	copy(e.digest[:], sum[:])
	a.last = e.digest
	if a.entries = append(a.entries, e); len(a.entries) > logSize {
		a.entries = a.entries[1:]
	}
}

// bytes is the entry without its digest. Its time is zero: a simulated device
// runs since no power-up.
func (e *entry) bytes() []byte {
	out := binary.BigEndian.AppendUint16(nil, e.number)
	out = append(out, byte(e.command))
	for _, n := range []uint16{e.length, e.key, e.objects[0], e.objects[1]} {
		out = binary.BigEndian.AppendUint16(out, n)
	}
	return append(out, byte(e.result), 0, 0, 0, 0)
}

// logEntries answers GET LOG ENTRIES. No event is ever left out of the log.
func (c *call) logEntries() ([]byte, error) {
	out := []byte{0, 0, 0, 0, byte(len(c.device.log.entries))}
	for _, e := range c.device.log.entries {
		out = append(out, e.bytes()...)
		out = append(out, e.digest[:]...)
	}
	return out, c.in.Done()
}

// setLogIndex forgets the entries up to a number.
func (c *call) setLogIndex() ([]byte, error) {
	number := c.in.Uint16()
	if err := c.in.Done(); err != nil {
		return nil, err
	}
	log := &c.device.log
	for len(log.entries) > 0 && log.entries[0].number <= number {
		log.entries = log.entries[1:]
	}
	return nil, nil
}
