package attest

import (
	"bytes"
	"fmt"
	"strconv"
)

// Fact is one attribute that the HSM attests of the private key, for people:
// what Microsoft's script prints, and the attributes that it leaves out.
type Fact struct {
	Attribute string `json:"attribute"` // "sensitive (0x0103)", or the number alone
	Value     string `json:"value"`     // a number, a text in quotes, or the first bytes in hex
}

// shownBytes is how much of a long value is shown.
const shownBytes = 16

// facts lists the object's attributes in the order of the claims. They are worth
// what the findings say of the claims.
func (o Object) facts() []Fact {
	list := make([]Fact, 0, len(o.Attributes))
	for _, a := range o.Attributes {
		list = append(list, Fact{a.Type.String(), a.shown()})
	}
	return list
}

func (a Attribute) shown() string {
	switch n := len(a.Value); {
	case a.Type == AttrID || a.Type == AttrLabel:
		return strconv.QuoteToASCII(string(bytes.TrimRight(a.Value, "\x00")))
	case n == 0:
		return "empty"
	case n <= 8:
		var number uint64
		for _, b := range a.Value {
			number = number<<8 | uint64(b)
		}
		return strconv.FormatUint(number, 10)
	case n > shownBytes:
		return fmt.Sprintf("%x… (%d bytes)", a.Value[:shownBytes], n)
	}
	return fmt.Sprintf("%x", a.Value)
}
