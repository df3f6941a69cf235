package report

import (
	m "byok/internal/markup"
)

// people are who took part: by the plan, by their cards and by their accounts.
func (v *view) people() m.HTML {
	planned := m.Table{Columns: []m.Column{{Title: "Part"}, {Title: "Name"}, {Title: "Affiliation"}, {Title: "With"}}}
	cards := m.Table{Columns: []m.Column{
		{Title: "Whose card was read", Label: "Card of"}, {Title: "For the statements", Label: "Statements"},
	}}
	accounts := m.Table{Columns: []m.Column{
		{Title: "Workstation"}, {Title: "Account"}, {Title: "Lines in the log", Label: "Lines"},
	}}
	return m.Of("\n<h2 id=\"people\">People</h2>\n",
		m.If(len(v.Participants) > 0, planned.Of(m.Rows(v.Participants, func(p participant) []m.HTML {
			return []m.HTML{m.Text(p.Part), m.Text(p.Name), m.Some("", p.Affiliation, ""), m.Some("", p.More, "")}
		})...), "<p>The plan names them. Who was there is on the signed paper.</p>"), "\n",
		cards.Of(m.Rows(v.Presences, func(p presence) []m.HTML {
			return []m.HTML{m.Text(p.Holder), m.Plain(p.Statements)}
		})...), "\n",
		accounts.Of(m.Rows(v.Accounts, func(a account) []m.HTML {
			return []m.HTML{m.Plain(a.Place), m.Text(a.Operator), m.Plain(a.Commands)}
		})...), "\n")
}

// course is what happened, as a drawing and step by step.
func (v *view) course() m.HTML {
	return m.Of("\n<h2 id=\"course\">What happened, and what passed when</h2>\n", v.Drawing.svg(), v.Drawing.list(),
		m.If(v.Drawing.More > 0, "<p>", m.Plain(v.Drawing.More), ` more steps are in the <a href="#log">log</a>.</p>`),
		"\n<p class=\"small\">Times are UTC, by the clocks of the two workstations. A dot is what the stick carried.</p>\n",
		v.script(), "\n")
}

// script holds the plan's steps to the log.
func (v *view) script() m.HTML {
	if len(v.Steps) == 0 {
		return m.If(v.Plan != nil,
			"<p>No command of the log names a step of the plan: they were typed without <code>--plan</code>.</p>")
	}
	table := m.Table{Columns: []m.Column{
		{Title: "No.", Cells: "num"},
		{Title: "Step of the plan", Label: "Step"},
		{Title: "Where"},
		{Title: "By the log"},
		{Title: "When"},
		{Title: "Witnesses"},
	}}
	return m.Of("<h3>The script, step by step</h3>\n", table.Of(m.Rows(v.Steps, func(s step) []m.HTML {
		return []m.HTML{
			m.Plain(s.Number), m.Text(s.Title), m.Plain(s.Place), m.Text(s.State), clock(s.Time), m.List(s.Attested),
		}
	})...))
}

// svg draws the lanes and what passed between them.
func (d drawing) svg() m.HTML {
	return m.Of(m.Tag(`<svg class="drawing" viewBox="0 0 %d %d" role="img" `+
		`aria-label="sequence of the ceremony's steps">`, d.Width, d.Height), `
<defs><marker id="tip" markerWidth="7" markerHeight="7" refX="6" refY="3" orient="auto"><path d="M0,0 L6,3 L0,6 z"/>`+
		"</marker></defs>\n", m.Each(d.Lanes, d.lane), m.Each(d.Arrows, arrow.svg), "</svg>\n")
}

func (d drawing) lane(l lane) m.HTML {
	title := m.Each(l.Lines, func(t lineOf) m.HTML {
		at := m.Tag(`<text x="%d" y="%d" text-anchor="middle" font-weight="600">`, l.X, t.Y)
		return m.Of(at, m.Plain(t.Text), "</text>")
	})
	return m.Of(title, m.Tag(`<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#999" stroke-dasharray="3 3"/>`,
		l.X, d.Head(), l.X, d.Line()), "\n")
}

func (a arrow) svg() m.HTML {
	stick := m.If(a.Stick > 0, m.Tag(`<circle cx="%d" cy="%d" r="4"/>`, a.Stick, a.Y))
	line := m.Tag(`<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#111" marker-end="url(#tip)"/>`, a.X1, a.Y, a.X2, a.Y)
	return m.Of(line, stick, "\n",
		m.Tag(`<text class="over" x="%d" y="%d" text-anchor="middle">`, a.Middle, a.Above()), m.Plain(a.Text), "</text>",
		m.Tag(`<text class="over" x="%d" y="%d" text-anchor="middle" fill="#555" font-size="8">`, a.Middle, a.Below()),
		m.Plain(a.Command), "</text>",
		m.Tag(`<text x="2" y="%d" fill="#555">`, a.Y), m.Plain(a.When), "</text>\n")
}

// list is the drawing in words, for narrow pages and for who cannot see it.
func (d drawing) list() m.HTML {
	return m.Of(`<ol class="drawing">`, m.Each(d.Arrows, func(a arrow) m.HTML {
		return m.Of("<li>", m.Plain(a.When), " ", m.Plain(a.From), " → ", m.Plain(a.To), ": ", m.Text(a.Text),
			` <span class="small">(`, m.Plain(a.Command), ")</span></li>")
	}), "</ol>\n")
}
