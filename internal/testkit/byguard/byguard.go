// Package byguard tries, under each guard and on the modules that the shim
// plays, what somebody does who is no card holder and has the PIN that the guard
// leaves to people. It holds what comes of that to what the guard promises: that
// much, and nothing more. docs/security/attacks.md shows it as a table.
//
// It is for tests.
package byguard

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"byok/internal/testkit/rig"
)

// Row is one thing that is tried under every guard.
type Row struct {
	Name string
	want [columns]string // what comes of it, by column
	try  func(*Column, testing.TB, *rig.Rig) string
}

// The columns, by their place in [Columns].
const (
	trust = iota
	nShield
	shared
	cloudHSM
	azure
	login
	rights
	typed

	columns
)

// in is what comes of a row in every column, except those that are named.
func in(all string, except map[int]string) (cells [columns]string) {
	for i := range cells {
		cells[i] = all
		if other, named := except[i]; named {
			cells[i] = other
		}
	}
	return cells
}

// What comes of several rows.
const (
	noKey     = "no key is found"
	none      = "there is none"
	noTool    = "there is no such tool"
	cards     = "cards of set 1: 1 given, 2 needed (status 6)"
	readOnly  = "CKR_ATTRIBUTE_READ_ONLY"
	lacks     = "CKR_FUNCTION_NOT_SUPPORTED"
	unknown   = "CKR_ATTRIBUTE_TYPE_INVALID"
	unfit     = "CKR_TEMPLATE_INCONSISTENT"
	unwrapped = "CKR_KEY_NOT_WRAPPABLE"
	wrongPIN  = "CKR_PIN_INCORRECT"
	noUser    = "CKR_USER_NOT_LOGGED_IN"
	noSuch    = "CKR_USER_TYPE_INVALID"
	forbidden = "CKR_KEY_FUNCTION_NOT_PERMITTED"
	inClear   = done + ", " + gained
	rejected  = "CKR_FUNCTION_REJECTED"
)

// by has somebody try something on the token.
func by(try func(*somebody)) func(*Column, testing.TB, *rig.Rig) string {
	return func(c *Column, t testing.TB, r *rig.Rig) string { return c.attack(t, r, try) }
}

// Rows lists what is tried, in this order, on one token a column.
func Rows() []Row { return append(onKeys(), ofThePeople()...) }

// onKeys is what somebody tries alone, with the library.
func onKeys() []Row {
	return []Row{
		{"find a key without a login", in(noKey, nil), by(look)},
		{"log in as user, with the PIN or guesses (C_Login)", in(done, map[int]string{login: wrongPIN}), by(logIn)},
		{"use a key: sign, encipher", in(done, map[int]string{login: noKey}), by(use)},
		{"read the value of a key (C_GetAttributeValue)", in("CKR_ATTRIBUTE_SENSITIVE", map[int]string{login: noKey}),
			by(read)},
		{"undo SENSITIVE, WRAP_WITH_TRUSTED, PRIVATE (C_SetAttributeValue)",
			in(
				readOnly,
				map[int]string{cloudHSM: lacks, login: noKey, rights: lacks, typed: readOnly + ", " + unknown},
			), by(setWeaker)},
		{"undo them in a copy (C_CopyObject)", in(readOnly+", "+unfit, map[int]string{
			cloudHSM: lacks, azure: lacks, login: noKey, rights: lacks, typed: readOnly + ", " + unknown + ", " + unfit,
		}), by(copyWeaker)},
		{"make a trusted key (create, generate, set, copy)", in(readOnly, map[int]string{
			cloudHSM: readOnly + ", " + lacks, azure: readOnly + ", " + lacks, login: unknown,
			rights: unknown + ", " + rejected, typed: unknown,
		}), by(makeTrusted)},
		{"wrap a key under an AES key of one's own (C_WrapKey)",
			in(unwrapped, map[int]string{login: noKey, rights: rejected, typed: done}), by(wrapUnderAES)},
		{"wrap a key under an RSA key of one's own (C_WrapKey)",
			in(unwrapped, map[int]string{login: noKey, rights: rejected, typed: inClear}), by(wrapUnderRSA)},
		{
			"wrap a key under KM, which K cards open (C_WrapKey)",
			in(done, map[int]string{login: none, rights: none, typed: none}),
			by(wrapUnderKM),
		},
		{"encrypt with KM; decrypt and unwrap with KW", in(forbidden, map[int]string{
			cloudHSM: forbidden + ", " + none, azure: forbidden + ", " + none, login: none, rights: none, typed: none,
		}), by(misuse)},
		{
			"set the user PIN (C_InitPIN)",
			in(noUser, map[int]string{cloudHSM: lacks, azure: lacks, rights: lacks}),
			by(setPIN),
		},
		{"log in as security officer (C_Login)", in(wrongPIN, map[int]string{
			shared: done, cloudHSM: noSuch, azure: noSuch, rights: noSuch,
		}), by(logInAsSO)},
	}
}

// ofThePeople is what takes the program, the card holders, or an officer.
func ofThePeople() []Row {
	const (
		foreign = `token "test world" (serial SERIAL) holds trusted objects that this world did not make: ` +
			`trusted public key "somebody's own" (status 3)`
		another = `key_simple_aes on token "test world" (serial SERIAL) is not the key that its file describes (status 3)`
	)
	return []Row{
		{"`package` without an approval", in("no quorum approved key_simple_ec (status 2)", map[int]string{
			login: cards, typed: cards,
		}), pack},
		{"a quorum session with one card of two", in(cards, nil), oneCard},
		{
			"put a key in the place of another, for the quorum to approve",
			in(another, map[int]string{login: noKey}),
			exchange,
		},
		{"as security officer, trust a key of one's own and wrap under it", in(wrongPIN, map[int]string{
			shared: inClear, cloudHSM: noSuch, azure: noSuch, rights: noSuch,
		}), by(trustAsSO)},
		{"with the crypto officer, trust a key of one's own and wrap under it", in(noTool, map[int]string{
			cloudHSM: inClear, azure: inClear,
		}), by(trustByTool)},
		{"what the next quorum session says of that", in(done, map[int]string{
			shared: foreign, cloudHSM: foreign, azure: foreign,
		}), next},
	}
}

// Markdown is the table for the page of attacks.
func Markdown() string {
	var out strings.Builder
	out.WriteString(head)
	list := Columns()
	cells := func(first string, of func(i int, c *Column) string) {
		fmt.Fprintf(&out, "| %s |", first)
		for i, c := range list {
			fmt.Fprintf(&out, " %s |", of(i, c))
		}
		out.WriteString("\n")
	}
	cells("guard", func(_ int, c *Column) string { return string(c.Guard) })
	cells("---", func(int, *Column) string { return "---" })
	cells("module", func(_ int, c *Column) string { return c.Module })
	cells("somebody has", func(_ int, c *Column) string { return c.Has })
	cells("the guard leaves", func(_ int, c *Column) string { return cmp.Or(c.Leaves, "nothing") })
	for _, row := range Rows() {
		cells(
			row.Name,
			func(i int, _ *Column) string { return strings.ReplaceAll(row.want[i], gained, "**"+gained+"**") },
		)
	}
	fmt.Fprintf(&out, tail, len(Rows())*len(list), len(Rows())*len(list))
	return out.String()
}

const head = `
## By guard

The same under every guard, on the modules that the tests' library plays: what somebody gets who holds no card
and has the PIN that the guard leaves to people. "**in clear**": a key is in their hands. Each token holds an EC and an
AES key that were made before the quorum. Held by ` + "`internal/testkit/byguard.TestByGuard`" + `.

`

const tail = `
%d of %d are as the guard promises: a key is in somebody's hands only where the guard leaves that, and says so on
the screen, in every statement, authorization, manifest and report.
`
