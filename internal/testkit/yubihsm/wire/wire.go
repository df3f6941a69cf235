// Package wire has what a YubiHSM 2 and its clients say to each other: messages,
// the codes of commands and refusals, and sets of capabilities. It is for the
// simulated device in internal/testkit/yubihsm and its tests.
package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Status is the byte with which a device refuses a command.
type Status byte

// What a device answers, of the list in the user guide.
const (
	InvalidCommand          Status = 0x01
	InvalidData             Status = 0x02
	InvalidSession          Status = 0x03
	AuthenticationFailed    Status = 0x04
	SessionsFull            Status = 0x05
	StorageFailed           Status = 0x07
	WrongLength             Status = 0x08
	InsufficientPermissions Status = 0x09
	ObjectNotFound          Status = 0x0b
	ObjectExists            Status = 0x11
)

var statusNames = map[Status]string{
	InvalidCommand:          "invalid command",
	InvalidData:             "invalid data",
	InvalidSession:          "invalid session",
	AuthenticationFailed:    "authentication failed",
	SessionsFull:            "sessions full",
	StorageFailed:           "storage failed",
	WrongLength:             "wrong length",
	InsufficientPermissions: "insufficient permissions",
	ObjectNotFound:          "object not found",
	ObjectExists:            "object exists",
}

// Error gives the status its name in the user guide, in lower case.
func (s Status) Error() string {
	if name := statusNames[s]; name != "" {
		return name
	}
	return fmt.Sprintf("status 0x%02x", byte(s))
}

// Code is the first byte of a message.
type Code byte

// The commands that are simulated, by their names in the user guide.
const (
	Echo                  Code = 0x01
	CreateSession         Code = 0x03
	AuthenticateSession   Code = 0x04
	SessionMessage        Code = 0x05
	GetDeviceInfo         Code = 0x06
	ResetDevice           Code = 0x08
	CloseSession          Code = 0x40
	GetStorageInfo        Code = 0x41
	PutOpaque             Code = 0x42
	GetOpaque             Code = 0x43
	PutAuthenticationKey  Code = 0x44
	PutAsymmetricKey      Code = 0x45
	GenerateAsymmetricKey Code = 0x46
	SignPKCS1             Code = 0x47
	ListObjects           Code = 0x48
	DecryptPKCS1          Code = 0x49
	ExportWrapped         Code = 0x4a
	ImportWrapped         Code = 0x4b
	PutWrapKey            Code = 0x4c
	GetLogEntries         Code = 0x4d
	GetObjectInfo         Code = 0x4e
	GetPseudoRandom       Code = 0x51
	GetPublicKey          Code = 0x54
	SignPSS               Code = 0x55
	SignECDSA             Code = 0x56
	DeriveECDH            Code = 0x57
	DeleteObject          Code = 0x58
	DecryptOAEP           Code = 0x59
	GenerateWrapKey       Code = 0x5b
	SetLogIndex           Code = 0x67
	BlinkDevice           Code = 0x6b
	ChangeAuthentication  Code = 0x6c
	PutSymmetricKey       Code = 0x6d
	GenerateSymmetricKey  Code = 0x6e
	DecryptECB            Code = 0x6f
	EncryptECB            Code = 0x70
	DecryptCBC            Code = 0x71
	EncryptCBC            Code = 0x72
	PutPublicWrapKey      Code = 0x73
	GetRSAWrappedKey      Code = 0x74
	PutRSAWrappedKey      Code = 0x75
	ExportRSAWrapped      Code = 0x76
	ImportRSAWrapped      Code = 0x77

	Answered Code = 0x80 // set in the answer to a command
	Refused  Code = 0x7f // an answer whose one byte is a Status
)

// MaxMessage is the size in bytes of the largest message since firmware 2.4.
const MaxMessage = 3136

// Message is one command or answer: its code, two bytes of length, its data.
type Message struct {
	Code Code
	Data []byte
}

// Bytes is the message as it is sent.
func (m Message) Bytes() []byte {
	out := binary.BigEndian.AppendUint16([]byte{byte(m.Code)}, uint16(len(m.Data)))
	return append(out, m.Data...)
}

// Parse reads one message, which must be all of raw. The error is [WrongLength].
func Parse(raw []byte) (Message, error) {
	const head = 3
	if len(raw) < head || len(raw) > MaxMessage || int(binary.BigEndian.Uint16(raw[1:])) != len(raw)-head {
		return Message{}, WrongLength
	}
	return Message{Code: Code(raw[0]), Data: raw[head:]}, nil
}

// Refusal is the answer that refuses a command.
func Refusal(s Status) Message { return Message{Code: Refused, Data: []byte{byte(s)}} }

// LabelSize is the size in bytes of an object's label, with zeros behind it.
const LabelSize = 40

// Reader takes a command's data apart. What is missing is read as zeros, and
// [Reader.Done] tells.
type Reader struct {
	left  []byte
	short bool
}

// NewReader reads data.
func NewReader(data []byte) *Reader { return &Reader{left: data} }

// Take reads n bytes.
func (r *Reader) Take(n int) []byte {
	if n > len(r.left) {
		r.short, r.left = true, nil
		return make([]byte, n)
	}
	out := r.left[:n]
	r.left = r.left[n:]
	return out
}

// Rest reads what is left.
func (r *Reader) Rest() []byte { return r.Take(len(r.left)) }

// More reports whether something is left.
func (r *Reader) More() bool { return len(r.left) > 0 }

// Byte reads one byte.
func (r *Reader) Byte() byte { return r.Take(1)[0] }

// Uint16 reads a number of two bytes.
func (r *Reader) Uint16() uint16 { return binary.BigEndian.Uint16(r.Take(2)) }

// Capabilities reads a set of eight bytes.
func (r *Reader) Capabilities() Capability {
	return Capability(binary.BigEndian.Uint64(r.Take(8)))
}

// Label reads a label without the zeros behind it.
func (r *Reader) Label() string { return string(bytes.TrimRight(r.Take(LabelSize), "\x00")) }

// Done returns [WrongLength] unless exactly the data was read.
func (r *Reader) Done() error {
	if r.short || r.More() {
		return WrongLength
	}
	return nil
}
