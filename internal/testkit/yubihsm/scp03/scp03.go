// Package scp03 is the secure channel between a YubiHSM 2 and its clients:
// GlobalPlatform's Secure Channel Protocol '03' with AES-128, MACs of 8 bytes,
// every command and answer encrypted. Both sides are here, for the simulated
// device in internal/testkit/yubihsm and for its client.
//
// The calls follow the protocol: [New], then [Channel.Cryptogram] and
// AUTHENTICATE SESSION signed, then [Channel.Start], then messages. A [Channel]
// serves one goroutine.
package scp03

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"byok/internal/testkit/yubihsm/wire"
)

// Sizes in bytes of SCP03 with AES-128, as GlobalPlatform and the device have them.
const (
	ChallengeSize = 8
	MACSize       = 8
	KeySize       = 16
)

// paddingMark begins the padding, which goes on with zeros.
const paddingMark = 0x80

// The constants of the key derivation: GlobalPlatform's Secure Channel Protocol
// '03', table 4-1.
const (
	CardCryptogram byte = 0x00
	HostCryptogram byte = 0x01
	sessionEnc     byte = 0x04
	sessionMAC     byte = 0x06
	sessionRMAC    byte = 0x07
)

// Keys are the secret of an authentication key.
type Keys struct{ Enc, MAC [KeySize]byte }

// FromPassword derives keys as Yubico's tools do: PBKDF2 with HMAC-SHA256, salt
// "Yubico", 10,000 rounds.
func FromPassword(password string) (k Keys) {
	const rounds = 10_000
	key, err := pbkdf2.Key(sha256.New, password, []byte("Yubico"), rounds, 2*KeySize)
	if err != nil { // only where FIPS 140 mode refuses the salt's length
		panic(err)
	}
	copy(k.Enc[:], key)
	copy(k.MAC[:], key[KeySize:])
	return k
}

// Channel is one side of a session: its keys, the chaining value of the
// commands' MACs and the counter of commands.
type Channel struct {
	enc, mac, rmac []byte
	chain          [aes.BlockSize]byte
	counter        uint64
	context        []byte
}

// New derives the session's keys from both challenges.
func New(k Keys, host, card []byte) *Channel {
	context := slices.Concat(host, card)
	return &Channel{
		enc:     derive(k.Enc[:], sessionEnc, context, KeySize),
		mac:     derive(k.MAC[:], sessionMAC, context, KeySize),
		rmac:    derive(k.MAC[:], sessionRMAC, context, KeySize),
		context: context,
	}
}

// Cryptogram proves to the other side that this one has the session's keys:
// of [CardCryptogram] or [HostCryptogram], [ChallengeSize] bytes.
func (c *Channel) Cryptogram(constant byte) []byte {
	return derive(c.mac, constant, c.context, ChallengeSize)
}

// derive is the key derivation of SCP03 (section 4.1.5) for one block at most.
func derive(key []byte, constant byte, context []byte, size int) []byte {
	const labelZeros, counter = 11, 1
	in := append(make([]byte, labelZeros), constant, 0)
	in = binary.BigEndian.AppendUint16(in, uint16(8*size))
	in = append(in, counter)
	tag := cmac(key, append(in, context...))
	return tag[:size]
}

// Sign appends the MAC to a command, and makes it the next one's chaining value.
func (c *Channel) Sign(code wire.Code, data []byte) wire.Message {
	m, tag := c.append(c.mac, code, data)
	c.chain = tag
	return m
}

// append appends the MAC to data, and returns it whole as well.
func (c *Channel) append(key []byte, code wire.Code, data []byte) (wire.Message, [aes.BlockSize]byte) {
	m := wire.Message{Code: code, Data: slices.Concat(data, make([]byte, MACSize))}
	tag := c.tag(key, m)
	copy(m.Data[len(data):], tag[:])
	return m, tag
}

// Verify checks a command's MAC and takes it off.
func (c *Channel) Verify(m wire.Message) ([]byte, error) {
	data, err := c.check(c.mac, m)
	if err == nil {
		c.chain = c.tag(c.mac, m)
	}
	return data, err
}

// check compares the MAC at the end of a message and returns what is before it.
func (c *Channel) check(key []byte, m wire.Message) ([]byte, error) {
	if len(m.Data) < MACSize {
		return nil, wire.WrongLength
	}
	data := m.Data[:len(m.Data)-MACSize]
	tag := c.tag(key, m)
	if !hmac.Equal(tag[:MACSize], m.Data[len(data):]) {
		return nil, wire.AuthenticationFailed
	}
	return data, nil
}

// tag is the MAC over the chaining value and the message up to its own MAC,
// whose size the message's length includes.
func (c *Channel) tag(key []byte, m wire.Message) [aes.BlockSize]byte {
	raw := m.Bytes()
	return cmac(key, slices.Concat(c.chain[:], raw[:len(raw)-MACSize]))
}

// Start lets messages begin, behind AUTHENTICATE SESSION.
func (c *Channel) Start() { c.counter = 1 }

// SealCommand puts a command into a message of the session.
func (c *Channel) SealCommand(session byte, inner wire.Message) wire.Message {
	return c.Sign(wire.SessionMessage, slices.Concat([]byte{session}, c.encrypt(inner.Bytes())))
}

// OpenCommand undoes [Channel.SealCommand] on the other side.
func (c *Channel) OpenCommand(m wire.Message) (wire.Message, error) {
	data, err := c.Verify(m)
	if err != nil {
		return wire.Message{}, err
	}
	return c.decrypt(data)
}

// SealAnswer puts an answer into a message of the session. The command is over.
func (c *Channel) SealAnswer(session byte, inner wire.Message) wire.Message {
	data := slices.Concat([]byte{session}, c.encrypt(inner.Bytes()))
	c.counter++
	m, _ := c.append(c.rmac, wire.SessionMessage|wire.Answered, data)
	return m
}

// OpenAnswer undoes [Channel.SealAnswer] on the other side.
func (c *Channel) OpenAnswer(m wire.Message) (wire.Message, error) {
	data, err := c.check(c.rmac, m)
	if err != nil {
		return wire.Message{}, err
	}
	inner, err := c.decrypt(data)
	c.counter++
	return inner, err
}

// encrypt pads and encrypts with the counter's chaining vector.
func (c *Channel) encrypt(plain []byte) []byte {
	padded := append(bytes.Clone(plain), paddingMark)
	for len(padded)%aes.BlockSize != 0 {
		padded = append(padded, 0)
	}
	block, iv := c.vector()
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return padded
}

// decrypt undoes encrypt, behind the session's number.
func (c *Channel) decrypt(data []byte) (wire.Message, error) {
	if len(data) <= 1 || (len(data)-1)%aes.BlockSize != 0 {
		return wire.Message{}, wire.WrongLength
	}
	block, iv := c.vector()
	plain := make([]byte, len(data)-1)
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data[1:])
	plain, marked := bytes.CutSuffix(bytes.TrimRight(plain, "\x00"), []byte{paddingMark})
	if !marked {
		return wire.Message{}, wire.InvalidData
	}
	return wire.Parse(plain)
}

// vector is the cipher and the initial vector of the counter's command.
func (c *Channel) vector() (block cipher.Block, iv []byte) {
	block, err := aes.NewCipher(c.enc)
	if err != nil { // the size is that of derive
		panic(err)
	}
	iv = make([]byte, aes.BlockSize)
	binary.BigEndian.PutUint64(iv[aes.BlockSize-8:], c.counter)
	block.Encrypt(iv, iv)
	return block, iv
}

// cmac is AES-CMAC (RFC 4493, section 2.4).
func cmac(key, data []byte) (tag [aes.BlockSize]byte) {
	block, err := aes.NewCipher(key)
	if err != nil { // every caller has a key of 16 bytes
		panic(err)
	}
	whole := max(0, (len(data)-1)/aes.BlockSize) * aes.BlockSize
	for at := 0; at < whole; at += aes.BlockSize {
		subtle.XORBytes(tag[:], tag[:], data[at:at+aes.BlockSize])
		block.Encrypt(tag[:], tag[:])
	}
	last := lastBlock(block, data[whole:])
	subtle.XORBytes(tag[:], tag[:], last)
	block.Encrypt(tag[:], tag[:])
	return tag
}

// lastBlock is the end of the data, padded where it is short, with its subkey.
func lastBlock(block cipher.Block, end []byte) []byte {
	subkey := make([]byte, aes.BlockSize)
	block.Encrypt(subkey, subkey)
	double(subkey)
	last := make([]byte, aes.BlockSize)
	if copy(last, end) < aes.BlockSize {
		last[len(end)] = paddingMark
		double(subkey)
	}
	subtle.XORBytes(last, last, subkey)
	return last
}

// double multiplies by x in the field of 2^128 elements.
func double(b []byte) {
	const reduction = 0x87
	carry := b[0] >> 7
	for i := range len(b) - 1 {
		b[i] = b[i]<<1 | b[i+1]>>7
	}
	b[len(b)-1] = b[len(b)-1]<<1 ^ reduction*carry
}
