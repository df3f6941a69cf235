package walk

import (
	"fmt"
	"slices"
	"strings"

	"byok/internal/printable"
	"byok/internal/script"
	"byok/internal/stamp"
	"byok/internal/term"
)

// screen is how wide a page is where the terminal does not say, in columns.
const screen = 80

// nothing is a page without lines.
func nothing(int) []string { return nil }

// said is a page of a few texts, each wrapped. One that begins with blanks is indented.
func said(texts ...string) func(int) []string {
	return func(width int) (lines []string) {
		for _, text := range texts {
			indent := strings.Repeat(" ", len(text)-len(strings.TrimLeft(text, " ")))
			if indent != "" {
				indent += "  "
			}
			lines = append(lines, term.Wrap(text, columns(width), indent)...)
		}
		return lines
	}
}

func columns(width int) int {
	if width <= 0 {
		return screen
	}
	return width
}

// place names a step by its number.
func (c *Course) place(at int) string {
	return fmt.Sprintf("step %d of %d, %s", at+1, len(c.steps), c.steps[at].Title)
}

// head is what stands above a step, or above a block of them.
func head(over, title string) func(int) []string {
	return func(width int) []string {
		rule := "── " + over + " "
		rule += strings.Repeat("─", max(columns(width)-1-term.Columns(rule), 2))
		return append([]string{"", rule}, said(title, "")(width)...)
	}
}

// both is one page above another.
func both(pages ...func(int) []string) func(int) []string {
	return func(width int) (lines []string) {
		for _, p := range pages {
			lines = append(lines, p(width)...)
		}
		return lines
	}
}

// page is a step as people read it before they do it.
func (w *Walk) page(at int, p Progress) func(int) []string {
	s := w.steps[at]
	title := head(string(s.Chapter), fmt.Sprintf("%d of %d  %s", at+1, len(w.steps), s.Title))
	if ended := p.ended[s.ID]; !ended.IsZero() {
		return both(title, said("Its command ended well at "+stamp.Text(ended)+"; what is left is to attest it.", ""))
	}
	texts := w.texts(s)
	if begun := p.begun[s.ID]; !begun.IsZero() {
		texts = append(texts, "  It began at "+stamp.Text(begun)+" and did not come to its end: "+
			"running it again takes up what was begun.")
	}
	if before := p.before[s.ID]; !before.IsZero() {
		texts = append(texts, "  Under the earlier plan it ended well at "+stamp.Text(before)+
			`: where that still holds, type "`+wordDeviation+`" and say so.`)
	}
	return both(title, said(texts...), said(""), w.command(s))
}

// texts says who does what in a step, and what to see and to write down.
func (c *Course) texts(s script.Step) (texts []string) {
	for _, a := range s.Acts {
		texts = append(texts, "  "+c.act(s, a))
	}
	for _, line := range s.See {
		texts = append(texts, "  Then the screen says: "+line)
	}
	for _, i := range s.If {
		texts = append(texts, "  If: "+i.Seen+". Then: "+i.Then)
	}
	if len(s.Write) > 0 {
		texts = append(texts, "  On paper: "+strings.Join(s.Write, "; "))
	}
	return texts
}

// act is what a part does, with the names of those who have it.
func (c *Course) act(s script.Step, a script.Act) string {
	does := a.Does
	if a.Types {
		does = "press Enter to run the command; read aloud what appears"
	}
	return a.Part + " (" + strings.Join(c.people(s, a.Part), ", ") + "): " + does
}

// people are the names of those who have a part in a step.
func (c *Course) people(s script.Step, part string) (names []string) {
	switch part {
	case script.PartHolder:
		for _, h := range c.Plan.Holders {
			names = append(names, h.Name)
		}
	case script.PartWitness:
		names = c.Attesters()
	case script.PartOwner:
		return c.owners(s)
	}
	for _, r := range c.Plan.Roles {
		if r.Role == part {
			names = append(names, r.Name)
		}
	}
	return names
}

// owners are the owners of a step's vault, or of all vaults where it is about several.
func (c *Course) owners(s script.Step) (names []string) {
	var all []string
	for _, v := range c.Plan.Vaults {
		if strings.HasSuffix(s.ID, ":"+v.Name) {
			names = append(names, v.Owner.Name)
		}
		if !slices.Contains(all, v.Owner.Name) {
			all = append(all, v.Owner.Name)
		}
	}
	if len(names) == 0 {
		return all
	}
	return names
}

// command shows a step's command line, as it can be typed.
func (w *Walk) command(s script.Step) func(int) []string {
	if len(s.Command) == 0 {
		return nothing
	}
	var words []string
	for _, word := range slices.Concat(w.words(s), w.Options(s.Command)) {
		name, value, given := strings.Cut(word, "=")
		if given && strings.HasPrefix(word, "--") {
			words = append(words, name)
			word = value
		}
		words = append(words, word)
	}
	s.Command = words
	return func(int) []string {
		return append(strings.Split(s.Shell(), "\n"), "")
	}
}

// How many steps at the other workstation are shown, of a run of them.
const (
	listed    = 6 // all of them, up to here
	listFirst = 3 // otherwise so many, and the last
)

// meanwhile is the block of the steps from first to before, which are done elsewhere.
func (w *Walk) meanwhile(first, before int) func(int) []string {
	var texts []string
	for at := first; at < before; {
		end := at + 1
		for end < before && w.steps[end].Place == w.steps[at].Place {
			end++
		}
		texts = append(texts, "  "+where(w.steps[at])+":")
		texts = append(texts, w.list(at, end)...)
		at = end
	}
	title := fmt.Sprintf("%d of %d waits for what is done elsewhere: %s", before+1, len(w.steps), w.steps[before].Title)
	return both(head("Elsewhere", title), said(texts...), said(""))
}

// list is a run of steps at one place.
func (w *Walk) list(first, end int) (texts []string) {
	for at := first; at < end; at++ {
		s := w.steps[at]
		if end-first > listed && at == first+listFirst && s.Place != script.Room {
			texts = append(texts, fmt.Sprintf("   …  and %s, up to", printable.Count(end-1-at, "more step")))
			at = end - 1
			s = w.steps[at]
		}
		texts = append(texts, fmt.Sprintf("%4d  %s", at+1, s.Title))
		if s.Place == script.Room {
			for _, a := range s.Acts {
				texts = append(texts, "      "+w.act(s, a))
			}
		}
	}
	return texts
}

// where is the place of a step in a sentence.
func where(s script.Step) string {
	if s.Place == script.Room {
		return string(s.Place)
	}
	return "at the " + string(s.Place)
}

// failure says what can be done after a command that failed.
func (w *Walk) failure(at, status int, deviation bool) []string {
	texts := []string{
		"",
		fmt.Sprintf("Step %d of %d: the command ended with status %d, and says why above.", at+1, len(w.steps), status),
		"  again: run it once more, after putting right what it says",
	}
	if deviation {
		texts = append(texts,
			"  deviation: the step was done in another way, or is left out; give the reason, for the record")
	}
	return append(texts, "  stop: end this run; the same command goes on from here later", "")
}

// deviating says what a deviation is.
var deviating = []string{
	"",
	"A deviation: this step was done in another way than the plan says, or could not be done. " +
		"The reason goes into the record, and the ceremony goes on after the step. " +
		"Where a later step needs what is missing, stop instead (Ctrl-C), and come back to it.",
	"",
}
