package yubihsm

import (
	"byok/internal/testkit/yubihsm/scp03"
	"byok/internal/testkit/yubihsm/wire"
	"crypto/rand"
	"encoding/binary"
	"fmt"
)

// Session is a client's side of a session with a device.
type Session struct {
	exchange func(request []byte) []byte
	number   byte
	channel  *scp03.Channel
}

// Open opens a session with an authentication key. Exchange passes one message
// on and returns the answer, as [Device.Exchange] does. A device's refusal is
// returned as a [wire.Status].
func Open(exchange func([]byte) []byte, id uint16, password string) (*Session, error) {
	host := make([]byte, scp03.ChallengeSize)
	if _, err := rand.Read(host); err != nil {
		return nil, err
	}
	request := binary.BigEndian.AppendUint16(nil, id)
	answer, err := send(exchange, wire.Message{Code: wire.CreateSession, Data: append(request, host...)})
	if err != nil {
		return nil, err
	}
	in := wire.NewReader(answer.Data)
	s := &Session{exchange: exchange, number: in.Byte()}
	card, cryptogram := in.Take(scp03.ChallengeSize), in.Take(scp03.ChallengeSize)
	if err := in.Done(); err != nil {
		return nil, fmt.Errorf("the answer to CREATE SESSION: %w", err)
	}
	s.channel = scp03.New(scp03.FromPassword(password), host, card)
	return s, s.authenticate(cryptogram)
}

// authenticate proves the password and then checks the device's proof.
func (s *Session) authenticate(card []byte) error {
	proof := append([]byte{s.number}, s.channel.Cryptogram(scp03.HostCryptogram)...)
	if _, err := send(s.exchange, s.channel.Sign(wire.AuthenticateSession, proof)); err != nil {
		return err
	}
	if string(card) != string(s.channel.Cryptogram(scp03.CardCryptogram)) {
		return fmt.Errorf("the card's cryptogram: %w", wire.AuthenticationFailed)
	}
	s.channel.Start()
	return nil
}

// send passes a message on. An answer that refuses is an error.
func send(exchange func([]byte) []byte, m wire.Message) (wire.Message, error) {
	answer, err := wire.Parse(exchange(m.Bytes()))
	if err != nil {
		return wire.Message{}, err
	}
	return answer, refused(m.Code, answer)
}

func refused(code wire.Code, answer wire.Message) error {
	switch {
	case answer.Code == wire.Refused && len(answer.Data) == 1:
		return wire.Status(answer.Data[0])
	case answer.Code != code|wire.Answered:
		return fmt.Errorf("the answer to 0x%02x has the code 0x%02x", byte(code), byte(answer.Code))
	default:
		return nil
	}
}

// Do has the device do a command and returns what it answers.
func (s *Session) Do(code wire.Code, data []byte) ([]byte, error) {
	outer, err := send(s.exchange, s.channel.SealCommand(s.number, wire.Message{Code: code, Data: data}))
	if err != nil {
		return nil, err
	}
	answer, err := s.channel.OpenAnswer(outer)
	if err != nil {
		return nil, err
	}
	return answer.Data, refused(code, answer)
}

// Key says what a key is to be. ID zero has the device choose one.
type Key struct {
	ID           uint16
	Label        string // 40 bytes at most
	Domains      uint16 // zero is all
	Capabilities wire.Capability
	Delegated    wire.Capability // of authentication keys and wrap keys
	Algorithm    Algorithm
}

// header is how commands begin that make an object.
func (k Key) header() []byte {
	domains := k.Domains
	if domains == 0 {
		domains = AllDomains
	}
	out := binary.BigEndian.AppendUint16(nil, k.ID)
	out = append(out, padded(k.Label)...)
	out = binary.BigEndian.AppendUint16(out, domains)
	out = binary.BigEndian.AppendUint64(out, uint64(k.Capabilities))
	return append(out, byte(k.Algorithm))
}

// Make has the device make an object of data: the secret, the modulus, or
// nothing where the device generates. It returns the ID.
func (s *Session) Make(code wire.Code, k Key, data []byte) (uint16, error) {
	request := k.header()
	switch code {
	case wire.PutAuthenticationKey, wire.PutWrapKey, wire.GenerateWrapKey, wire.PutPublicWrapKey:
		request = binary.BigEndian.AppendUint64(request, uint64(k.Delegated))
	}
	answer, err := s.Do(code, append(request, data...))
	if err != nil {
		return 0, err
	}
	in := wire.NewReader(answer)
	id := in.Uint16()
	return id, in.Done()
}

// MakeLogin makes an authentication key for a password.
func (s *Session) MakeLogin(k Key, password string) error {
	secret := scp03.FromPassword(password)
	k.Algorithm = AES128Login
	_, err := s.Make(wire.PutAuthenticationKey, k, append(secret.Enc[:], secret.MAC[:]...))
	return err
}
