package script

import (
	_ "embed"

	"byok/internal/fingerprint"
	m "byok/internal/markup"
	"byok/internal/plan"
)

//go:embed book.css
var style string

// bookOf is the book as HTML.
func bookOf(p *plan.Plan, sum fingerprint.Sum, steps []line) m.HTML {
	//nolint:gosec // the style is the embedded file
	return m.Page(p.Title, m.HTML(style), m.Of("\n", cover(p, sum, steps), people(p), destinations(p),
		m.Each(pages(p, steps), page.section), m.Each([]int{1, 2}, sheet)))
}

func cover(p *plan.Plan, sum fingerprint.Sum, steps []line) m.HTML {
	mark := m.If(p.Rehearsal, `<p class="mark">REHEARSAL</p>`)
	return m.Of("<section class=\"first\">\n<h1>", m.Text(p.Title), "</h1>\n", mark, `
<p>Script of a key ceremony. Everybody follows their own page; who leads reads the steps aloud, in order.
No step is skipped.</p>
<dl>
<dt>Purpose</dt><dd>`, m.Text(p.Purpose), `</dd>
<dt>Place and day</dt><dd>`, m.Text(p.Location), ", ", m.Text(p.Date), `</dd>
<dt>World</dt><dd>`, m.Text(p.World), ", quorum ", m.Text(p.Quorum), `</dd>
<dt>HSM</dt><dd>`, m.Text(p.HSM.Model), m.Some(", ", p.HSM.Certificate, ""), `</dd>
<dt>Steps</dt><dd>`, m.Plain(len(steps)), ", about ", m.Plain(minutes(steps)), ` minutes without breaks</dd>
<dt>Approved by</dt><dd>`, m.Text(p.Approver.Name), m.Some(", ", p.Approver.Affiliation, ""), `</dd>
</dl>
<p>SHA-256 of the plan that this book was made of. Compare it with the plan on the workstation
(<code>byok-offline ceremony check</code>).</p>
<p class="words">`, m.Each(sum.Rows(), func(row string) m.HTML { return m.Of(m.Plain(row), "<br>") }), `</p>
<table class="sign"><tr><th>Approval of the plan: signature</th><th>Day</th></tr><tr><td></td><td></td></tr></table>
</section>

`)
}

// people are who takes part, and what each brings.
func people(p *plan.Plan) m.HTML {
	signed := m.Table{Class: "sign", Columns: []m.Column{
		{Title: "Part"}, {Title: "Name"}, {Title: "Affiliation"}, {Title: "Signature"}, {Title: "In"}, {Title: "Out"},
	}}
	brought := m.Table{Columns: []m.Column{{Title: "Who"}, {Title: "What"}}}
	return m.Of("<section>\n<h2>Participants</h2>\n",
		signed.Of(m.Rows(participants(p), func(x participant) []m.HTML {
			return []m.HTML{m.Text(x.Part), m.Text(x.Name), m.Some("", x.Affiliation, ""), "", "", ""}
		})...), "\n<h2>What to bring</h2>\n",
		brought.Of(m.Rows(toBring(p), func(b bring) []m.HTML {
			return []m.HTML{m.Text(b.Who), m.Between("<br>", b.Things, func(thing string) m.HTML {
				return m.Of("☐ ", m.Text(thing))
			})}
		})...), "\n</section>\n\n")
}

// destinations are the keys, where they go, and the cards.
func destinations(p *plan.Plan) m.HTML {
	cards := m.Table{Columns: []m.Column{{Title: "Holder"}, {Title: "Medium"}, {Title: "Bag"}, {Title: "Seal"}}}
	return m.Of("<section>\n<h2>Keys and where they go</h2>\n", keyTable(p), "\n", vaultTable(p), "\n<h2>Cards</h2>\n",
		cards.Of(m.Rows(p.Holders, func(h plan.Holder) []m.HTML {
			return []m.HTML{m.Text(h.Name), m.Text(h.Media), m.Some("", h.Bag, ""), m.Some("", h.Seal, "")}
		})...), "\n</section>\n\n")
}

func keyTable(p *plan.Plan) m.HTML {
	keys := m.Table{Columns: []m.Column{
		{Title: "Ident"}, {Title: "Name in the vault"}, {Title: "Type"},
		{Title: "Purpose"}, {Title: "Valid"}, {Title: "Vaults"},
	}}
	return keys.Of(m.Rows(p.Keys, func(k plan.Key) []m.HTML {
		return []m.HTML{
			m.Text(k.Ident), m.Text(k.Called()), m.Text(k.Type), m.Text(k.Purpose),
			m.Of(m.Some("from ", k.NotBefore, " "), m.Some("until ", k.Expires, "")), m.List(k.Vaults),
		}
	})...)
}

func vaultTable(p *plan.Plan) m.HTML {
	vaults := m.Table{Columns: []m.Column{
		{Title: "Vault"}, {Title: "Service"}, {Title: "Address"}, {Title: "KEK"}, {Title: "Owner"},
	}}
	return vaults.Of(m.Rows(p.Vaults, func(v plan.Vault) []m.HTML {
		return []m.HTML{
			m.Text(v.Name), m.Text(v.Service), m.Text(v.Address),
			m.Of(m.Text(v.KEKName), ", packages ", m.Text(v.KEK)), m.Text(v.Owner.Name),
		}
	})...)
}

// section is the page of one part.
func (x page) section() m.HTML {
	return m.Of("<section>\n<h2>", m.Text(x.Part), "</h2>\n<p>", m.Text(x.Names), "</p>\n", m.If(x.Types,
		`<p class="rule"><b>DO</b> type each command exactly as it is printed, read aloud what appears, and wait until the
next step is read.
<b>IF</b> the last line is not <code>Result: SUCCESS</code>, or anything else appears than is printed here,
<b>THEN</b> stop: read the lines after “error:” and “hint:” aloud, and note them on a deviation sheet. The same command
can be typed again after any failure.</p>`),
		"\n", m.Each(x.Steps, func(l line) m.HTML { return l.section(x.Leads) }), "</section>\n\n")
}

// section is a step on the page of a part.
func (l line) section(leads bool) m.HTML {
	return m.Of(`<div class="step">
<div class="head"><span class="box"></span><h3>`, m.Plain(l.Number), ". ", m.Text(l.Title), `</h3><span class="place">`,
		m.Plain(l.Place), ", ", m.Plain(l.Minutes), " min</span></div>\n",
		m.Each(l.Mine, func(a Act) m.HTML {
			who := m.If(leads, m.Text(a.Part), ": ")
			return m.Of(`<p class="say"><b>DO</b> `, who, m.Text(a.Does), "</p>\n",
				m.If(a.Types, "<pre>", m.Lines(l.Shell), "</pre>\n"))
		}),
		m.Each(l.See, func(seen string) m.HTML {
			return m.Of(`<p class="say"><b>SEE</b> <code>`, m.Text(seen), "</code></p>\n")
		}),
		m.Each(l.If, func(c If) m.HTML {
			return m.Of(`<p class="say"><b>IF</b> `, m.Text(c.Seen), " <b>THEN</b> ", m.Text(c.Then), "</p>\n")
		}),
		m.Each(l.Write, func(blank string) m.HTML {
			return m.Of(`<div class="blank"><div>`, m.Text(blank), "</div><span></span></div>\n")
		}),
		"<div class=\"marks\">time <span></span> initials <span></span></div>\n</div>\n")
}

// sheet is one deviation sheet.
func sheet(number int) m.HTML {
	return m.Of("<section>\n<h2>Deviation sheet ", m.Plain(number), `</h2>
<p>One sheet for whatever does not happen as printed. The ceremony goes on only when everybody has signed.</p>
<table class="sign"><tr><th>Step</th><th>Time</th></tr><tr><td></td><td></td></tr></table>
<table><tr><th>What was expected</th></tr><tr><td style="height:5rem"></td></tr></table>
<table><tr><th>What happened; the text after “error:” and “hint:”, word by word</th></tr>
<tr><td style="height:8rem"></td></tr></table>
<table><tr><th>What was done, and why that is safe</th></tr><tr><td style="height:8rem"></td></tr></table>
<table class="sign"><tr><th>Name</th><th>Signature</th></tr>
`, m.Each(make([]int, 4), func(int) m.HTML { return "<tr><td></td><td></td></tr>" }), "</table>\n</section>\n\n")
}
