// Package officer is what a crypto officer is asked to do with the vendor's own
// tool, on modules that take CKA_TRUSTED from that tool alone.
//
// The commands are the vendors' as they document them. No one here has run
// them: what the officer did is proved on the token afterwards, and nothing is
// taken from this page.
package officer

import (
	"fmt"
	"strings"
)

// Object is the key that the officer is to trust, as the token shows it.
type Object struct {
	Label  string
	Handle uint
	ID     []byte // CKA_ID
	Words  string // first words of the SHA-256 of its SubjectPublicKeyInfo
}

// Order is what the officer is asked to do.
type Order struct {
	Token string // as messages name it
	Object
	Tool []string // the vendor's commands, or what to do in words
}

// tool is what a vendor's officer types.
type tool struct {
	makers   []string // parts of what the token says of itself, in lower case
	commands func(Object) []string
}

// tools is the table. A module of Marvell's may be either vendor's.
var tools = []tool{
	{[]string{"aws", "amazon"}, cloudHSM},
	{[]string{"azure", "microsoft"}, liquidSecurity},
	{[]string{"cavium", "marvell", "liquidsecurity", "cloudhsm"}, func(o Object) []string {
		return append(cloudHSM(o), liquidSecurity(o)...)
	}},
}

// cloudHSM is AWS CloudHSM's command line, logged in as admin.
func cloudHSM(o Object) []string {
	return []string{
		"AWS CloudHSM, as admin:",
		fmt.Sprintf(
			"  cloudhsm-cli key set-attribute --filter attr.class=public-key attr.id=0x%x --name trusted --value true",
			o.ID,
		),
	}
}

// liquidSecurity is Azure Cloud HSM's management utility, in which attribute
// 134 is CKA_TRUSTED.
func liquidSecurity(o Object) []string {
	return []string{
		"Azure Cloud HSM or LiquidSecurity, as crypto officer, on every node:",
		fmt.Sprintf("  azcloudhsm_mgmt_util (or cavium_mgmt_util): setAttribute %d 134 1", o.Handle),
	}
}

// inWords is for a vendor that is in no row.
func inWords(Object) []string {
	return []string{"with the vendor's tool, as crypto officer: set CKA_TRUSTED (0x86) to true on this object, " +
		"and on no other"}
}

// For is the order to trust an object on a token. says is what the token and
// its library say of their maker.
func For(token string, says []string, o Object) Order {
	text, commands := strings.ToLower(strings.Join(says, " ")), inWords
	for _, t := range tools {
		for _, maker := range t.makers {
			if strings.Contains(text, maker) {
				return Order{token, o, t.commands(o)}
			}
		}
	}
	return Order{token, o, commands(o)}
}

// Lines is the order for the screen, a line each.
func (o Order) Lines() []string {
	return append([]string{
		fmt.Sprintf("the crypto officer now trusts one object on %s, and no other:", o.Token),
		fmt.Sprintf("  label  %s", o.Label),
		fmt.Sprintf("  handle %d, CKA_ID %x", o.Handle, o.ID),
		fmt.Sprintf("  public key, SHA-256 %s", o.Words),
	}, o.Tool...)
}
