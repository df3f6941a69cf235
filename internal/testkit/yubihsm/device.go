package yubihsm

import (
	"byok/internal/testkit/yubihsm/scp03"
	"byok/internal/testkit/yubihsm/wire"
	"crypto/rand"
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// Options are the properties of a device that tests vary. Zero values are a
// device with firmware 2.4.1 and serial number 7550140.
type Options struct {
	Firmware   [3]byte
	Serial     uint32
	Challenges io.Reader        // of the card's challenges, instead of random ones
	Now        func() time.Time // instead of the clock that closes silent sessions
}

// Device is a simulated YubiHSM 2. Several clients may use it at once.
type Device struct {
	mu       sync.Mutex
	options  Options
	store    store
	sessions [maxSessions]*session
	log      audit
}

// FactoryPassword is that of the authentication key 1 of a new device.
const FactoryPassword = "password"

// New makes a device in the factory's state: one authentication key that may
// do everything.
func New(o Options) *Device {
	if o.Firmware == ([3]byte{}) {
		o.Firmware = [3]byte{2, 4, 1}
	}
	if o.Serial == 0 {
		o.Serial = 7550140
	}
	if o.Challenges == nil {
		o.Challenges = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Device{options: o}
	d.reset()
	return d
}

// reset makes the device what it was when it left the factory.
func (d *Device) reset() {
	d.store, d.sessions, d.log = newStore(), [maxSessions]*session{}, audit{}
	d.store.put(&object{
		header: header{
			id:           1,
			label:        "DEFAULT AUTHKEY CHANGE THIS ASAP",
			domains:      AllDomains,
			capabilities: wire.All,
			algorithm:    AES128Login,
			delegated:    wire.All,
		},
		kind:   AuthenticationKey,
		origin: imported,
		value:  scp03.FromPassword(FactoryPassword),
	})
}

// Exchange answers one message, as the connector passes them on.
func (d *Device) Exchange(request []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, err := wire.Parse(request)
	if err != nil {
		return wire.Refusal(wire.WrongLength).Bytes()
	}
	answer, err := d.plain(m)
	if err != nil {
		return wire.Refusal(statusOf(err)).Bytes()
	}
	return answer.Bytes()
}

// statusOf is the status that an error stands for.
func statusOf(err error) wire.Status {
	if s, ok := err.(wire.Status); ok {
		return s
	}
	return wire.InvalidData
}

// plain does a command outside a session.
func (d *Device) plain(m wire.Message) (wire.Message, error) {
	switch m.Code {
	case wire.Echo:
		return wire.Message{Code: m.Code | wire.Answered, Data: m.Data}, nil
	case wire.GetDeviceInfo:
		return wire.Message{Code: m.Code | wire.Answered, Data: d.info(m.Data)}, nil
	case wire.CreateSession:
		return d.createSession(m.Data)
	case wire.AuthenticateSession:
		return d.authenticate(m)
	case wire.SessionMessage:
		return d.sessionMessage(m)
	default:
		return wire.Message{}, wire.InvalidCommand
	}
}

// info is the answer to GET DEVICE INFO: the device, or, on page 1, the name
// of its chip.
func (d *Device) info(page []byte) []byte {
	if len(page) == 1 && page[0] == 1 {
		return []byte("78CLUFX5000PR")
	}
	out := binary.BigEndian.AppendUint32(d.options.Firmware[:], d.options.Serial)
	out = append(out, logSize, byte(len(d.log.entries)))
	for _, a := range d.algorithms() {
		out = append(out, byte(a))
	}
	return out
}

func (d *Device) algorithms() []Algorithm {
	if !d.wrapsRSA() {
		return always
	}
	return append(append([]Algorithm(nil), always...), aesKWP)
}

// wrapsRSA reports whether the firmware has RSA wrap keys: 2.4.
func (d *Device) wrapsRSA() bool {
	f := d.options.Firmware
	return f[0] > 2 || f[0] == 2 && f[1] >= 4
}
