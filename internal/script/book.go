package script

import (
	"io"
	"slices"
	"strings"

	"byok/internal/fingerprint"
	"byok/internal/plan"
	"byok/internal/printable"
)

// Write writes the book of a plan, whose file has the SHA-256 sum, as one HTML
// file for print. It loads nothing and holds no script; every text of the plan is
// escaped.
func Write(w io.Writer, p *plan.Plan, sum fingerprint.Sum) error {
	steps := numbered(Steps(p), p.File())
	_, err := io.WriteString(w, string(bookOf(p, sum, steps)))
	return err
}

// line is a step as it is printed.
type line struct {
	Step
	Number int
	Shell  string // the command line, as it is typed
	Mine   []Act  // what the page's part does; all of them on the page of who leads
}

// numbered has each command say of which plan it is a step: the program then holds
// it to that.
func numbered(steps []Step, file string) []line {
	lines := make([]line, len(steps))
	for i, s := range steps {
		if s.Command != nil {
			s.Command = append(slices.Clone(s.Command), "--plan", file)
		}
		lines[i] = line{Step: s, Number: i + 1, Shell: s.Shell(), Mine: s.Acts}
	}
	return lines
}

func minutes(steps []line) int {
	sum := 0
	for _, s := range steps {
		sum += s.Minutes
	}
	return sum
}

// width is the longest line of a command on paper.
const width = 76

// Shell is the step's command line as it is typed, wrapped before options; ""
// where people alone act.
func (s Step) Shell() string {
	if s.Command == nil {
		return ""
	}
	text := "byok-offline"
	if s.Place == Connected {
		text = "byok-online"
	}
	column := len(text)
	for i, word := range s.Command {
		option := strings.HasPrefix(word, "-")
		if !option {
			word = printable.Quote(word)
		}
		long := len(word)
		if option && i+1 < len(s.Command) {
			long += 1 + len(printable.Quote(s.Command[i+1]))
		}
		if option && column+1+long > width {
			text += " \\\n   "
			column = 3
		}
		text += " " + word
		column += 1 + len(word)
	}
	return text
}

// participant is a line of the list that everybody signs.
type participant struct{ Part, Name, Affiliation string }

func participants(p *plan.Plan) []participant {
	var list []participant
	for _, r := range p.Roles {
		list = append(list, participant{r.Role, r.Name, r.Affiliation})
	}
	for _, h := range p.Holders {
		list = append(list, participant{PartHolder, h.Name, h.Affiliation})
	}
	for _, v := range p.Vaults {
		list = append(list, participant{PartOwner + " of " + v.Name, v.Owner.Name, v.Owner.Affiliation})
	}
	for _, w := range p.Witnesses {
		list = append(list, participant{PartWitness, w.Name, w.Affiliation})
	}
	return list
}

// bring is what somebody brings.
type bring struct {
	Who    string
	Things []string
}

func toBring(p *plan.Plan) []bring {
	list := []bring{
		{plan.RoleAdministrator, []string{
			"this book once for everybody, and the plan it was made of", "pens, a clock, spare deviation sheets",
			"bags and seals with the plan's numbers",
		}},
		{plan.RoleOperator, []string{
			"the disconnected workstation, from the image whose hash was reviewed", "the HSM: " + p.HSM.Model,
			"the plan, on that workstation", "a medium for the copy of kmdata, for " + p.Backup,
		}},
		{plan.RoleConnected, []string{
			"the connected workstation, signed in to Azure", "an empty USB stick, for " + p.Stick,
		}},
		{
			PartWitness,
			[]string{"the programs' hashes, from the release notes", "the vendor's hash of the PKCS#11 library"},
		},
	}
	for _, h := range p.Holders {
		things := []string{"an empty medium, for " + h.Media, "proof of who you are"}
		list = append(list, bring{PartHolder + " " + h.Name, things})
	}
	return list
}

// page is what one part reads.
type page struct {
	Part, Names string
	Steps       []line
	Leads       bool
	Types       bool
}

func pages(p *plan.Plan, steps []line) []page {
	people := map[string][]string{}
	for _, m := range participants(p) {
		part := m.Part
		if strings.HasPrefix(part, PartOwner) {
			part = PartOwner
		}
		people[part] = append(people[part], m.Name)
	}
	var list []page
	for _, part := range []string{
		plan.RoleAdministrator, plan.RoleOperator, plan.RoleConnected, PartHolder, PartOwner, PartWitness,
	} {
		if len(people[part]) > 0 {
			list = append(list, page{
				Part:  part,
				Names: strings.Join(people[part], ", "),
				Steps: of(part, steps),
				Leads: part == plan.RoleAdministrator,
				Types: part == plan.RoleOperator || part == plan.RoleConnected,
			})
		}
	}
	return list
}

// of is the steps in which a part acts, with what it does; who leads reads all.
func of(part string, steps []line) []line {
	if part == plan.RoleAdministrator {
		return steps
	}
	var list []line
	for _, l := range steps {
		l.Mine = slices.DeleteFunc(slices.Clone(l.Acts), func(a Act) bool { return a.Part != part })
		if len(l.Mine) > 0 {
			list = append(list, l)
		}
	}
	return list
}
