package yubihsm

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"byok/internal/testkit/yubihsm/wire"
)

// TestTranscript plays what yubihsm-shell sent and expects what it accepted.
func TestTranscript(t *testing.T) {
	text, err := os.ReadFile("testdata/yubihsm-shell-2.8.0-list-objects.txt")
	if err != nil {
		t.Fatal(err)
	}
	challenge, _ := hex.DecodeString("11132e16628d0290")
	d := New(Options{Challenges: bytes.NewReader(challenge)})
	lines := strings.Fields(string(text)) // >, request, <, answer
	if len(lines) != 4*6 {
		t.Fatalf("%d words", len(lines))
	}
	for at := 0; at < len(lines); at += 4 {
		request, err := hex.DecodeString(lines[at+1])
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(d.Exchange(request)); got != lines[at+3] {
			t.Errorf("the answer to %s: got %s, want %s", lines[at+1], got, lines[at+3])
		}
	}
}

func TestLogin(t *testing.T) {
	d, admin := factory(t)
	_, err := Open(d.Exchange, 1, "Password")
	expect(t, "a wrong password", err, wire.AuthenticationFailed)
	_, err = Open(d.Exchange, 2, FactoryPassword)
	expect(t, "no such key", err, wire.ObjectNotFound)
	do(t, admin, wire.CloseSession)
	_, err = admin.Do(wire.Echo, nil)
	expect(t, "a closed session", err, wire.InvalidSession)
}

// TestNoProof sends commands in a session whose password was not proved.
func TestNoProof(t *testing.T) {
	d := New(Options{})
	var opened []byte
	_, err := Open(func(request []byte) []byte {
		if wire.Code(request[0]) == wire.CreateSession {
			opened = d.Exchange(request)
			return opened
		}
		request[0] = byte(wire.SessionMessage)
		return d.Exchange(request)
	}, 1, FactoryPassword)
	expect(t, "a message before the proof", err, wire.InvalidSession)
}

func TestSessionsEnd(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	d := New(Options{Now: func() time.Time { return now }})
	first := login(t, d, 1, FactoryPassword)
	for range 15 {
		login(t, d, 1, FactoryPassword)
	}
	_, err := Open(d.Exchange, 1, FactoryPassword)
	expect(t, "the seventeenth session", err, wire.SessionsFull)
	now = now.Add(30 * time.Second)
	do(t, first, wire.Echo, []byte("still there"))
	now = now.Add(time.Second)
	login(t, d, 1, FactoryPassword) // in place of one that was silent
	now = now.Add(30 * time.Second)
	_, err = first.Do(wire.Echo, nil)
	expect(t, "after 31 seconds of silence", err, wire.InvalidSession)
}

// TestClientRefuses has a device that lies.
func TestClientRefuses(t *testing.T) {
	d := New(Options{})
	for _, test := range []struct{ name, want string }{
		{"nothing", "wrong length"},
		{"another command's answer", "the answer to 0x03 has the code 0x84"},
		{"a short answer", "the answer to CREATE SESSION: wrong length"},
		{"a false cryptogram", "the card's cryptogram: authentication failed"},
	} {
		_, err := Open(func(request []byte) []byte {
			answer := d.Exchange(request)
			if wire.Code(request[0]) != wire.CreateSession {
				return answer
			}
			switch test.name {
			case "nothing":
				return nil
			case "another command's answer":
				answer[0] = 0x84
			case "a short answer":
				return wire.Message{Code: wire.CreateSession | wire.Answered, Data: []byte{1}}.Bytes()
			default:
				answer[len(answer)-1]++
			}
			return answer
		}, 1, FactoryPassword)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

func TestConnector(t *testing.T) {
	d := New(Options{})
	server := httptest.NewServer(d)
	defer server.Close()
	request := func(method, path string, body []byte) (int, string) {
		r, err := http.NewRequest(method, server.URL+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	address, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	want := "status=OK\nserial=*\nversion=3.0.7\npid=1\naddress=" + address + "\nport=" + port + "\n"
	if code, text := request(http.MethodGet, "/connector/status", nil); code != 200 || text != want {
		t.Errorf("status: %d, %q", code, text)
	}
	if code, text := request(http.MethodPost, "/connector/api", []byte{1, 0, 1, 7}); code != 200 || text != "\x81\x00\x01\x07" {
		t.Errorf("echo: %d, %q", code, text)
	}
	if code, _ := request(http.MethodPost, "/connector/api", make([]byte, 4000)); code != http.StatusBadRequest {
		t.Errorf("4000 bytes: %d", code)
	}
	if code, _ := request(http.MethodGet, "/connector/api", nil); code != http.StatusNotFound {
		t.Errorf("GET /connector/api: %d", code)
	}
}
