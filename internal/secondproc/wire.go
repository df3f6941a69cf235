package secondproc

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"byok/internal/secret"
)

// order is one line from the parent to the second process. Where PIN is not 0,
// so many bytes of the user PIN follow behind the line's end: a PIN inside the
// JSON would leave copies that cannot be wiped.
type order struct {
	Do      string   `json:"do"`                // a key of the table of orders
	Library string   `json:"library,omitempty"` // for "open": path
	Token   string   `json:"token,omitempty"`   // for "open": ID of the token
	Label   string   `json:"label,omitempty"`   // for "open": what the label of each object begins with
	Sought  []sought `json:"sought,omitempty"`  // for "look"
	PIN     int      `json:"pin,omitempty"`     // bytes
}

// sought is an object that the second process must not find.
type sought struct {
	Name  string `json:"name"` // for the report: "a trusted session object"
	Label string `json:"label"`
}

// reply is one line from the second process: an attempt, or the end of the
// answer, with an error if there is one.
type reply struct {
	Try   *try   `json:"try,omitempty"`
	Done  bool   `json:"done,omitempty"`
	Error string `json:"error,omitempty"`
}

// try is one attempt and what came of it.
type try struct {
	Name   string `json:"name"`   // "an AES key created in the session"
	Worked bool   `json:"worked"` // whether it achieved what it was for
	Code   uint   `json:"code"`   // CKR_ value of the call that failed, or 0
}

// longestLine is the room for an order, longestPIN that for a PIN, in bytes.
const (
	longestLine = 1 << 16
	longestPIN  = 1 << 10
)

// readOrder reads an order and its PIN, which is empty where none follows, and
// not a byte more. At the end of the input it returns io.EOF.
func readOrder(in io.Reader) (order, *secret.Bytes, error) {
	line, err := readLine(in)
	if err != nil {
		return order{}, nil, err
	}
	var o order
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&o); err != nil {
		return order{}, nil, errors.New("an order is not valid JSON")
	}
	if o.PIN < 0 || o.PIN > longestPIN {
		return order{}, nil, errors.New("a PIN of an impossible length")
	}
	pin := secret.New(o.PIN)
	if _, err := io.ReadFull(in, pin.Reveal()); err != nil {
		pin.Wipe()
		return order{}, nil, errors.New("the PIN is cut short")
	}
	return o, pin, nil
}

// readLine reads up to a line end, byte by byte: a buffer would hold the PIN.
func readLine(in io.Reader) ([]byte, error) {
	var line []byte
	next := make([]byte, 1)
	for len(line) < longestLine {
		if _, err := io.ReadFull(in, next); err != nil {
			return nil, err
		}
		if next[0] == '\n' {
			return line, nil
		}
		line = append(line, next[0])
	}
	return nil, errors.New("an order is too long")
}

// writeOrder sends an order, and the PIN behind it unless that is nil.
func writeOrder(out io.Writer, o order, pin *secret.Bytes) error {
	o.PIN = pin.Len()
	line, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if _, err := out.Write(append(line, '\n')); err != nil {
		return err
	}
	_, err = out.Write(pin.Reveal())
	return err
}
