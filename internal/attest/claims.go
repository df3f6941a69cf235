package attest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"byok/internal/printable"
)

// Layout is one of the two forms of an attestation blob. All numbers in both
// are big endian, and both end with an RSA-2048 signature of 256 bytes over
// everything before it.
type Layout int

const (
	// Firmware2 is what Managed HSM gives: a response header of 16 zero bytes
	// and 4 more, one object, zero padding. The signature's PKCS#1 v1.5 block
	// holds the bare SHA-256, without DigestInfo.
	Firmware2 Layout = 2
	// Firmware3 begins with a response header (code, flags, size of the whole
	// blob, size of the buffer at its end, signature not counted). The buffer
	// begins with an info header (version, flags, offsets of one or two
	// objects from the info header). The signature is PKCS#1 v1.5 with
	// DigestInfo (RFC 8017, section 8.2).
	Firmware3 Layout = 3
)

// Sizes in bytes.
const (
	responseSize  = 16 // '>IIII' code, flags, total, buffer
	firmware2Size = 4  // what firmware 2 has between response header and object
	infoSize      = 8  // '>HHHH' version, flags, two offsets
	objectSize    = 12 // '>III' handle, count of attributes, size
	attributeSize = 8  // '>II' type, length of the value
	signatureSize = 256

	// MaxBlob is the most bytes a blob may have; real ones have below 4 KiB.
	MaxBlob = 64 << 10
)

// Claims is what an HSM states about one key, or the two of a pair, and signs
// (claims in the sense of RFC 9334, section 4). Marshal returns the bytes that
// Parse has read, so it also carries what no rule looks at.
type Claims struct {
	Layout  Layout
	Code    uint32 // of the response header; 0
	Flags   uint32 // of the response header
	Lead    []byte // between response header and object or info header
	Info    Info   // Firmware3 only
	Objects []Object
	Tail    []byte // between the last object and the signature
}

// Info is the info header of Firmware3, without its offsets.
type Info struct{ Version, Flags uint16 }

// Object is a key as the HSM sees it.
type Object struct {
	Gap        []byte // before it; Firmware3 only
	Handle     uint32
	Size       uint32 // as given; it is not the sum of the attributes
	Attributes []Attribute
}

// Attribute is a PKCS#11 or vendor's attribute and its value.
type Attribute struct {
	Type  AttributeType
	Value []byte
}

// Parse reads a blob of either layout and returns its signature besides. It
// verifies nothing. The errors say where the blob breaks off.
func Parse(blob []byte) (Claims, []byte, error) {
	if len(blob) < responseSize+firmware2Size+objectSize+signatureSize || len(blob) > MaxBlob {
		return Claims{}, nil, fmt.Errorf("%s cannot be an attestation", printable.Count(len(blob), "byte"))
	}
	body, signature := blob[:len(blob)-signatureSize], blob[len(blob)-signatureSize:]
	c := Claims{Layout: Firmware3, Code: binary.BigEndian.Uint32(body), Flags: binary.BigEndian.Uint32(body[4:])}
	total, buffer := int(binary.BigEndian.Uint32(body[8:])), int(binary.BigEndian.Uint32(body[12:]))
	var err error
	if total == 0 && buffer == 0 {
		c.Layout, err = Firmware2, c.parseFirmware2(body)
	} else {
		err = c.parseFirmware3(body, total, buffer)
	}
	if err != nil {
		return Claims{}, nil, err
	}
	return c, signature, nil
}

func (c *Claims) parseFirmware2(body []byte) error {
	c.Lead = body[responseSize : responseSize+firmware2Size]
	object, rest, err := parseObject(body[responseSize+firmware2Size:])
	c.Objects, c.Tail = []Object{object}, rest
	return err
}

func (c *Claims) parseFirmware3(body []byte, total, buffer int) error {
	start := len(body) - buffer
	if total != len(body)+signatureSize || buffer < infoSize || start < responseSize {
		return errors.New("the sizes in its header do not match its length")
	}
	c.Lead = body[responseSize:start]
	info := body[start:]
	c.Info = Info{binary.BigEndian.Uint16(info), binary.BigEndian.Uint16(info[2:])}
	offsets := []int{int(binary.BigEndian.Uint16(info[4:]))}
	if second := int(binary.BigEndian.Uint16(info[6:])); second != 0 {
		offsets = append(offsets, second)
	}
	at := infoSize
	for _, offset := range offsets {
		if offset < at || offset > len(info) {
			return fmt.Errorf("no object can begin at offset %d", offset)
		}
		object, rest, err := parseObject(info[offset:])
		if err != nil {
			return err
		}
		object.Gap = info[at:offset]
		c.Objects = append(c.Objects, object)
		at = len(info) - len(rest)
	}
	c.Tail = info[at:]
	return nil
}

// parseObject reads an object at the start of data, and returns the rest.
func parseObject(data []byte) (Object, []byte, error) {
	if len(data) < objectSize {
		return Object{}, nil, errors.New("cut short in the header of an object")
	}
	o := Object{Handle: binary.BigEndian.Uint32(data), Size: binary.BigEndian.Uint32(data[8:])}
	count, rest := int(binary.BigEndian.Uint32(data[4:])), data[objectSize:]
	if count > len(rest)/attributeSize {
		return Object{}, nil, fmt.Errorf("%s do not fit in it", printable.Count(count, "attribute"))
	}
	seen := map[AttributeType]bool{}
	for range count {
		if len(rest) < attributeSize {
			return Object{}, nil, errors.New("cut short in an attribute")
		}
		a := Attribute{Type: AttributeType(binary.BigEndian.Uint32(rest))}
		size := int(binary.BigEndian.Uint32(rest[4:]))
		rest = rest[attributeSize:]
		if size > len(rest) {
			return Object{}, nil, fmt.Errorf("attribute %s is longer than what is left", a.Type)
		}
		// One reader could take the first and another the last.
		if seen[a.Type] {
			return Object{}, nil, fmt.Errorf("attribute %s appears twice", a.Type)
		}
		seen[a.Type] = true
		a.Value, rest = rest[:size], rest[size:]
		o.Attributes = append(o.Attributes, a)
	}
	return o, rest, nil
}

// Marshal returns the bytes that are signed. It fails for claims that
// Parse would not give back: no object, two in Firmware2, offsets over 65535.
func (c Claims) Marshal() ([]byte, error) {
	buffer, err := c.marshalBuffer()
	if err != nil {
		return nil, err
	}
	body := binary.BigEndian.AppendUint32(nil, c.Code)
	body = binary.BigEndian.AppendUint32(body, c.Flags)
	total, size := 0, 0
	if c.Layout == Firmware3 {
		total, size = responseSize+len(c.Lead)+len(buffer)+signatureSize, len(buffer)
	}
	body = binary.BigEndian.AppendUint32(body, uint32(total))
	body = binary.BigEndian.AppendUint32(body, uint32(size))
	body = append(body, c.Lead...)
	body = append(body, buffer...)
	if len(body)+signatureSize > MaxBlob {
		return nil, fmt.Errorf("more than the %d bytes of an attestation", MaxBlob)
	}
	return body, nil
}

// marshalBuffer returns all from the info header on, or from the object of
// Firmware2.
func (c Claims) marshalBuffer() ([]byte, error) {
	switch {
	case c.Layout == Firmware2 && len(c.Objects) == 1 && len(c.Lead) == firmware2Size && len(c.Objects[0].Gap) == 0:
		return append(c.Objects[0].append(nil), c.Tail...), nil
	case c.Layout != Firmware3 || len(c.Objects) < 1 || len(c.Objects) > 2:
		return nil, errors.New("claims of this shape have no encoding")
	}
	buffer := make([]byte, infoSize)
	binary.BigEndian.PutUint16(buffer, c.Info.Version)
	binary.BigEndian.PutUint16(buffer[2:], c.Info.Flags)
	for i, o := range c.Objects {
		buffer = append(buffer, o.Gap...)
		if len(buffer) > math.MaxUint16 {
			return nil, errors.New("an object beyond offset 65535")
		}
		binary.BigEndian.PutUint16(buffer[4+2*i:], uint16(len(buffer)))
		buffer = o.append(buffer)
	}
	return append(buffer, c.Tail...), nil
}

func (o Object) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, o.Handle)
	b = binary.BigEndian.AppendUint32(b, uint32(len(o.Attributes)))
	b = binary.BigEndian.AppendUint32(b, o.Size)
	for _, a := range o.Attributes {
		b = binary.BigEndian.AppendUint32(b, uint32(a.Type))
		b = binary.BigEndian.AppendUint32(b, uint32(len(a.Value)))
		b = append(b, a.Value...)
	}
	return b
}
