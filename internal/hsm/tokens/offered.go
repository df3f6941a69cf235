package tokens

import (
	"fmt"

	"github.com/miekg/pkcs11"

	"byok/internal/hsm/p11"
)

// Mechanism is a mechanism that a token lists, with what it says of it
// (CK_MECHANISM_INFO).
type Mechanism struct {
	Number  string `json:"number"`          // CKM_, such as "0x1054"
	Flags   string `json:"flags"`           // CKF_ bits, such as "0x60000"
	MinSize uint   `json:"min_key_size"`    // bits or bytes, as the mechanism has it
	MaxSize uint   `json:"max_key_size"`    // bits or bytes, as the mechanism has it
	Fault   string `json:"fault,omitempty"` // return value of C_GetMechanismInfo if it failed
}

// Offered lists the mechanisms of the token in t's slot, in its order.
func (s Slots) Offered(t Token) ([]Mechanism, error) {
	list, err := s.p.GetMechanismList(t.Slot)
	if err != nil {
		return nil, p11.Fail(fmt.Sprintf("C_GetMechanismList of slot %d", t.Slot), err)
	}
	offered := make([]Mechanism, len(list))
	for i, m := range list {
		offered[i] = s.mechanism(t.Slot, m)
	}
	return offered, nil
}

func (s Slots) mechanism(slot uint, m *pkcs11.Mechanism) Mechanism {
	found := Mechanism{Number: fmt.Sprintf("0x%X", m.Mechanism)}
	info, err := s.p.GetMechanismInfo(slot, []*pkcs11.Mechanism{m})
	if err != nil {
		found.Fault = p11.Named(err).Error()
		return found
	}
	found.Flags, found.MinSize, found.MaxSize = fmt.Sprintf("0x%X", info.Flags), info.MinKeySize, info.MaxKeySize
	return found
}
