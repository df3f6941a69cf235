package yubihsm

import (
	"byok/internal/testkit/yubihsm/scp03"
	"byok/internal/testkit/yubihsm/wire"
	"io"
	"time"
)

// Limits of the device's sessions.
const (
	maxSessions = 16
	silence     = 30 * time.Second
)

// session is a channel that an authentication key opened.
type session struct {
	channel       *scp03.Channel
	key           object // as it was when the session was opened
	authenticated bool
	used          time.Time
}

// createSession answers CREATE SESSION: key's ID and the host's challenge; the
// session's number, the card's challenge and its cryptogram.
func (d *Device) createSession(data []byte) (wire.Message, error) {
	in := wire.NewReader(data)
	id, host := in.Uint16(), in.Take(scp03.ChallengeSize)
	if err := in.Done(); err != nil {
		return wire.Message{}, err
	}
	key, err := d.store.find(AuthenticationKey, id, AllDomains)
	if err != nil {
		return wire.Message{}, err
	}
	number, err := d.freeSession()
	if err != nil {
		return wire.Message{}, err
	}
	card := make([]byte, scp03.ChallengeSize)
	if _, err := io.ReadFull(d.options.Challenges, card); err != nil {
		return wire.Message{}, wire.StorageFailed
	}
	secret, _ := key.value.(scp03.Keys)
	s := &session{channel: scp03.New(secret, host, card), key: *key, used: d.options.Now()}
	d.sessions[number] = s
	answer, proof := append([]byte{byte(number)}, card...), s.channel.Cryptogram(scp03.CardCryptogram)
	return wire.Message{Code: wire.CreateSession | wire.Answered, Data: append(answer, proof...)}, nil
}

// freeSession is the first number that no session has. Silent sessions end here.
func (d *Device) freeSession() (int, error) {
	for i, s := range d.sessions {
		if s == nil || d.options.Now().Sub(s.used) > silence {
			d.sessions[i] = nil
			return i, nil
		}
	}
	return 0, wire.SessionsFull
}

// session returns the session that a message names.
func (d *Device) session(m wire.Message) (*session, error) {
	if len(m.Data) == 0 || m.Data[0] >= maxSessions || d.sessions[m.Data[0]] == nil {
		return nil, wire.InvalidSession
	}
	s := d.sessions[m.Data[0]]
	if d.options.Now().Sub(s.used) > silence {
		d.sessions[m.Data[0]] = nil
		return nil, wire.InvalidSession
	}
	s.used = d.options.Now()
	return s, nil
}

// authenticate answers AUTHENTICATE SESSION. A wrong cryptogram or MAC, which
// a wrong password leads to, ends the session.
func (d *Device) authenticate(m wire.Message) (wire.Message, error) {
	s, err := d.session(m)
	if err != nil {
		return wire.Message{}, err
	}
	number := m.Data[0]
	data, err := s.channel.Verify(m)
	if err != nil || s.authenticated || string(data[1:]) != string(s.channel.Cryptogram(scp03.HostCryptogram)) {
		d.sessions[number] = nil
		return wire.Message{}, wire.AuthenticationFailed
	}
	s.authenticated = true
	s.channel.Start()
	return wire.Message{Code: wire.AuthenticateSession | wire.Answered}, nil
}

// sessionMessage opens the message inside, does its command and seals the answer.
func (d *Device) sessionMessage(m wire.Message) (wire.Message, error) {
	s, err := d.session(m)
	if err != nil {
		return wire.Message{}, err
	}
	number := m.Data[0]
	inner, err := s.open(m)
	if err != nil {
		d.sessions[number] = nil
		return wire.Message{}, err
	}
	answer := d.perform(s, inner)
	if inner.Code == wire.CloseSession {
		d.sessions[number] = nil
	}
	return s.channel.SealAnswer(number, answer), nil
}

func (s *session) open(m wire.Message) (wire.Message, error) {
	if !s.authenticated {
		return wire.Message{}, wire.InvalidSession
	}
	return s.channel.OpenCommand(m)
}
