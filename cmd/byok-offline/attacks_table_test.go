package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/testkit/byguard"
)

const attacksPage = "../../docs/security/attacks.md"

// compare holds the page to what came of the attacks, or writes it.
func (b *siege) compare(t *testing.T) {
	page := b.page()
	if *updateAttacks && !t.Failed() {
		mustWrite(t, attacksPage, page)
		return
	}
	if want := mustDo(os.ReadFile(attacksPage))(t); !bytes.Equal(page, want) {
		t.Errorf("%s does not say what came of the attacks; if that is right: go test -run '^TestAttacks$' "+
			"./cmd/byok-offline -update\n%s",
			attacksPage, firstDifference(string(page), string(want)))
	}
}

func firstDifference(got, want string) string {
	wanted := strings.Split(want, "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(wanted) || line != wanted[i] {
			return fmt.Sprintf("line %d is now\n%s", i+1, line)
		}
	}
	return "it has more lines than are made now"
}

func (b *siege) page() []byte {
	var out bytes.Buffer
	out.WriteString(attacksHead)
	b.presence(&out)
	group := ""
	for _, one := range attacks() {
		if one.group != group {
			group = one.group
			fmt.Fprintf(&out, "\n### %s\n\n", group)
			row(&out, slices.Concat([]string{"attack", "on"}, stateNames(), []string{"own key"})...)
			row(&out, slices.Repeat([]string{"---"}, 3+len(stateNames()))...)
		}
		b.rows(&out, one)
	}
	out.WriteString(b.count())
	deedRows(&out)
	out.WriteString(byguard.Markdown())
	return out.Bytes()
}

// count says how many attacks got through, and how many of the same calls on
// the attacker's own worked.
func (b *siege) count() string {
	var tried, through, own, work int
	for _, report := range b.findings {
		for _, f := range report {
			switch {
			case f.Mine && len(f.Through) > 0:
				own, work = own+1, work+1
			case f.Mine:
				own++
			case f.breach():
				tried, through = tried+1, through+1
			default:
				tried++
			}
		}
	}
	return fmt.Sprintf("\n%d attacks on objects in %d states: %d got through. On the attacker's own, %d of %d work.\n",
		tried, len(b.findings), through, work, own)
}

func row(out *bytes.Buffer, cells ...string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

// presence says what is on the token in each state.
func (b *siege) presence(out *bytes.Buffer) {
	row(out, "state", "on the token")
	row(out, "---", "---")
	for _, state := range stateNames() {
		var roles []string
		for _, role := range everyObject() {
			if len(b.codes(state, func(f finding) bool { return f.Role == role && !f.Mine })) > 0 {
				roles = append(roles, role)
			}
		}
		row(out, state, strings.Join(roles, ", "))
	}
}

// rows writes a line for each set of roles that were answered alike.
func (b *siege) rows(out *bytes.Buffer, one attack) {
	var order []string
	alike := map[string][]string{}
	for _, role := range one.on {
		key := b.answers(one, role)
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], role)
	}
	for _, key := range order {
		cells := []string{one.name, strings.Join(alike[key], ", ")}
		among := func(f finding) bool { return f.Attack == one.name && slices.Contains(alike[key], f.Role) }
		for _, state := range stateNames() {
			cells = append(cells, cell(b.codes(state, func(f finding) bool { return among(f) && !f.Mine })))
		}
		own := "never possible"
		if !one.never {
			own = cell(b.codes("", func(f finding) bool { return f.Attack == one.name && f.Mine }))
		}
		row(out, append(cells, own)...)
	}
}

// answers is all that was answered for a role, in any state.
func (b *siege) answers(one attack, role string) string {
	return strings.Join(b.codes("", func(f finding) bool { return f.Attack == one.name && f.Role == role && !f.Mine }),
		", ")
}

// codes lists the return codes of some findings, each once and sorted; state
// "" is every state.
func (b *siege) codes(state string, of func(finding) bool) (list []string) {
	for name, report := range b.findings {
		for _, f := range report {
			if (state == "" || state == name) && of(f) {
				list = append(list, f.Codes...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func cell(codes []string) string {
	if len(codes) == 0 {
		return "–"
	}
	return strings.Join(codes, ", ")
}

const attacksHead = `# Attacks that are tried

Made by ` + "`go test -run '^TestAttacks$' ./cmd/byok-offline -update`" + ` and compared in every run of the
tests with what happens.

## Against the token

The real program holds a ceremony on SoftHSM 2.6.1 with three keys (RSA, EC, AES). In each state a process
with the user PIN, the HSM's library and kmdata, but **no card**, calls the library directly. It tries what
Clulow, *On the Security of PKCS#11* (2003), and Bortolozzo, Centenaro, Focardi and Steel, *Attacking and
Fixing PKCS#11 Security Tokens* (CCS 2010), describe, and more. Every call listed here is refused with the
return codes given. A dash: nothing of that kind is on the token then.

The last column is the same calls on a key of the attacker's own without restrictions, or on a token of the
attacker's own: they must work there, or the attack would prove nothing. "never possible": the token does
that for no key.

After the attacks, ` + "`world check`" + ` finds the world as it was. KEK, transfer key and transfer copy are on
the token in no state: they are session objects of the quorum's process.

`
