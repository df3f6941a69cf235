package scp03

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"byok/internal/testkit/yubihsm/wire"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCMAC has the examples of RFC 4493, section 4.
func TestCMAC(t *testing.T) {
	key := unhex(t, "2b7e151628aed2a6abf7158809cf4f3c")
	data := unhex(t, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"+
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	for size, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		if tag := cmac(key, data[:size]); hex.EncodeToString(tag[:]) != want {
			t.Errorf("CMAC of %d bytes: got %x, want %s", size, tag, want)
		}
	}
}

// TestFactoryPassword has the keys that Yubico publishes for "password"
// (YH_DEFAULT_ENC_KEY and YH_DEFAULT_MAC_KEY of libyubihsm).
func TestFactoryPassword(t *testing.T) {
	k := FromPassword("password")
	if got := hex.EncodeToString(k.Enc[:]); got != "090b47dbed595654901dee1cc655e420" {
		t.Errorf("encryption key: got %s", got)
	}
	if got := hex.EncodeToString(k.MAC[:]); got != "592fd483f759e29909a04c4505d2ce0a" {
		t.Errorf("MAC key: got %s", got)
	}
}

// pair is both sides of a session that has begun.
func pair(t *testing.T) (host, card *Channel) {
	t.Helper()
	keys, challenge := FromPassword("password"), []byte("01234567")
	host, card = New(keys, challenge, challenge), New(keys, challenge, challenge)
	if !bytes.Equal(host.Cryptogram(CardCryptogram), card.Cryptogram(CardCryptogram)) {
		t.Fatal("both sides must have the same keys")
	}
	if _, err := card.Verify(host.Sign(wire.AuthenticateSession, []byte{0})); err != nil {
		t.Fatal(err)
	}
	host.Start()
	card.Start()
	return host, card
}

func TestMessages(t *testing.T) {
	host, card := pair(t)
	for size := range 40 {
		want := wire.Message{Code: wire.Echo, Data: bytes.Repeat([]byte{0}, size)}
		command, err := card.OpenCommand(host.SealCommand(3, want))
		if err != nil || command.Code != want.Code || !bytes.Equal(command.Data, want.Data) {
			t.Fatalf("command of %d bytes: got %v, %v", size, command, err)
		}
		answer, err := host.OpenAnswer(card.SealAnswer(3, command))
		if err != nil || answer.Code != want.Code || !bytes.Equal(answer.Data, want.Data) {
			t.Fatalf("answer of %d bytes: got %v, %v", size, answer, err)
		}
	}
}

// TestRefused alters what is sent, and sends it twice.
func TestRefused(t *testing.T) {
	echo := wire.Message{Code: wire.Echo, Data: []byte("data")}
	for _, test := range []struct {
		name  string
		spoil func(m wire.Message) wire.Message
		want  error
	}{
		{"code", func(m wire.Message) wire.Message { m.Code++; return m }, wire.AuthenticationFailed},
		{"session", func(m wire.Message) wire.Message { m.Data[0]++; return m }, wire.AuthenticationFailed},
		{"data", func(m wire.Message) wire.Message { m.Data[1]++; return m }, wire.AuthenticationFailed},
		{"MAC", func(m wire.Message) wire.Message { m.Data[len(m.Data)-1]++; return m }, wire.AuthenticationFailed},
		{"no MAC", func(m wire.Message) wire.Message { m.Data = m.Data[:4]; return m }, wire.WrongLength},
	} {
		host, card := pair(t)
		if _, err := card.OpenCommand(test.spoil(host.SealCommand(0, echo))); !errors.Is(err, test.want) {
			t.Errorf("command, another %s: got %v, want %v", test.name, err, test.want)
		}
		if _, err := host.OpenAnswer(test.spoil(card.SealAnswer(0, echo))); !errors.Is(err, test.want) {
			t.Errorf("answer, another %s: got %v, want %v", test.name, err, test.want)
		}
	}
	host, card := pair(t)
	twice := host.SealCommand(0, echo)
	if _, err := card.OpenCommand(twice); err != nil {
		t.Fatal(err)
	}
	if _, err := card.OpenCommand(twice); !errors.Is(err, wire.AuthenticationFailed) {
		t.Errorf("a command twice: got %v", err)
	}
}

// TestNoMessageInside seals bytes that hold no message.
func TestNoMessageInside(t *testing.T) {
	for _, test := range []struct {
		name  string
		inner []byte
		want  error
	}{
		{"nothing", []byte{0}, wire.WrongLength},
		{"half a block", make([]byte, 9), wire.WrongLength},
		{"no padding", make([]byte, 17), wire.InvalidData},
	} {
		host, card := pair(t)
		m := host.Sign(wire.SessionMessage, test.inner)
		if _, err := card.OpenCommand(m); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", test.name, err, test.want)
		}
	}
}
