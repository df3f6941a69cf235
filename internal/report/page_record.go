package report

import (
	"byok/internal/bundle"
	m "byok/internal/markup"
	"byok/internal/record"
)

// hsm is which HSM and which programs it was.
func (v *view) hsm() m.HTML {
	programs := m.Table{Columns: []m.Column{
		{Title: "Program"}, {Title: "SHA-256 of its file, by statements and logs", Label: "SHA-256"},
	}}
	return m.Of("\n<h2 id=\"hsm\">HSM and programs</h2>\n", m.Each(v.Modules, module.section),
		v.certificate(), "\n",
		programs.Of(m.Rows(v.Programs, func(p record.Program) []m.HTML {
			sum := m.Either(p.SHA256.IsZero(), "not recorded", m.Of("<code>", m.Plain(p.SHA256), "</code>"))
			return []m.HTML{m.Of(m.Text(p.Name), " ", m.Text(p.Version)), sum}
		})...), "\n", v.confined(), "\n")
}

func (x module) section() m.HTML {
	return m.Of("<dl>\n<dt>Token</dt><dd>", m.Text(x.Token.Manufacturer), " ", m.Text(x.Token.Model), ", serial ",
		m.Text(x.Token.Serial), ", label ", m.Text(x.Token.Label), ", firmware ", m.Text(x.Token.Firmware), "</dd>\n",
		"<dt>Guard</dt><dd>", m.Plain(x.GuardText()),
		m.Some("; the vendor's quorum, as it was stated: ", x.VendorQuorum, ""), "</dd>\n",
		"<dt>Library</dt><dd>", m.Text(x.Library.Path), "<br><code>", m.Plain(x.Library.SHA256), "</code></dd>\n",
		"<dt>Probes</dt><dd>", m.Plain(len(x.Findings)), ", of which ", m.Plain(x.Failed),
		" did not hold or were not answered</dd>\n</dl>\n", x.Check.line(), "\n")
}

func (v *view) certificate() m.HTML {
	if v.Plan == nil {
		return ""
	}
	return m.Some("<p>Certificate, by the plan: ", v.Plan.HSM.Certificate, "</p>")
}

// confined is what the kernel refused the program that made a bundle.
func (v *view) confined() m.HTML {
	if v.Software == nil {
		return ""
	}
	built := v.Software.Build
	table := m.Table{Columns: []m.Column{{Title: "Attempt"}, {Title: "Result"}, {Title: "Found"}}}
	return m.Of("<h3>What the kernel refused the program that made this bundle</h3>\n<p>",
		m.Text(v.Software.Program), " ", m.Text(built.Release), m.Some(", commit ", built.Commit, ""),
		", ", m.Text(built.Compiler), ", ", m.Text(built.Platform), "</p>\n",
		table.Of(m.Rows(v.Software.Confined, func(a bundle.Attempt) []m.HTML {
			return []m.HTML{m.Text(a.Name), m.Either(a.OK, "held", warn("NOT HELD")), m.Text(a.Detail)}
		})...))
}

// statements are what the quorum signed.
func (v *view) statements() m.HTML {
	table := m.Table{Class: "fixed", Columns: []m.Column{
		{Title: "No.", Class: "w1", Cells: "num"},
		{Title: "What, and how to check it", Label: "What"},
		{Title: "When", Class: "w2"},
		{Title: "Whose cards", Label: "Cards", Class: "w2"},
		{Title: "First words of its hash", Label: "Words", Class: "w3"},
	}}
	return m.Of("\n<h2 id=\"statements\">What the quorum signed</h2>\n<p>Each statement carries the hash of the one "+
		"before.</p>\n", table.Of(m.Rows(v.Statements, func(s row) []m.HTML {
		what := m.Of("<b>", m.Plain(s.Type), "</b>", m.Each(s.Checks, check.line))
		return []m.HTML{m.Plain(s.Number), what, clock(s.Time), m.List(s.Present), m.Plain(s.Words)}
	})...), "\n")
}

// deviated is what did not go as printed, by the logs.
func (v *view) deviated() m.HTML {
	if len(v.Deviations) == 0 {
		return m.Of("\n<h2 id=\"deviations\">Deviations</h2>\n<p>The logs hold no command that failed, none that never "+
			"ended, and no deviation. The paper may hold some.</p>\n", m.Each(v.Logs, check.line), "\n")
	}
	table := m.Table{Class: "fixed", Columns: []m.Column{
		{Title: "When", Class: "w2"},
		{Title: "Where", Class: "w2"},
		{Title: "Command", Class: "w3"},
		{Title: "Outcome", Class: "w2"},
		{Title: "What", Class: "w5"},
	}}
	return m.Of("\n<h2 id=\"deviations\">Deviations</h2>\n", table.Of(m.Rows(v.Deviations, func(e event) []m.HTML {
		outcome := m.Of(m.Text(e.Outcome()), m.If(e.Status != 0, ", status ", m.Plain(e.Status)))
		return []m.HTML{clock(e.Time), e.where(), m.Text(e.Command), outcome, m.Each(e.Says(), said.line)}
	})...), "\n", m.Each(v.Logs, check.line), "\n")
}

func (e event) where() m.HTML { return m.Of(m.Plain(e.Place), "<br>line ", m.Plain(e.Seq)) }

func (s said) line() m.HTML {
	return m.Of("<div>", m.Some("", s.Name, ": "), m.Text(s.Value), "</div>")
}

// standards is the checklist.
func (v *view) standards() m.HTML {
	table := m.Table{Class: "fixed", Columns: []m.Column{
		{Title: "Standard", Class: "w3"}, {Title: "Asks for", Class: "w4"}, {Title: "Evidence"},
	}}
	rows := m.Rows(v.Checklist, func(i item) []m.HTML {
		section := m.Plain(i.Section)
		return []m.HTML{m.Plain(i.Standard), m.Plain(i.Asks), m.Of(
			m.Text(i.Evidence), m.If(i.Section != "", ` <a href="#`, section, `">→ `, section, "</a>"),
			m.If(i.People, " <b>(rests on people)</b>"))}
	})
	return m.Of("\n<h2 id=\"standards\">What standards ask for</h2>\n", table.Of(rows...), "\n")
}

// log is the end of every command.
func (v *view) log() m.HTML {
	table := m.Table{Class: "fixed", Columns: []m.Column{
		{Title: "When", Class: "w2"},
		{Title: "Where", Class: "w2"},
		{Title: "Command", Class: "w4"},
		{Title: "Outcome", Class: "w2"},
		{Title: "What it read, wrote and noted", Label: "What", Class: "w5"},
	}}
	return m.Of("\n<h2 id=\"log\">Log</h2>\n<p>The ends of all commands, of both workstations by time; a command stands "+
		"after the one that made what it read. The disconnected log has ", count(v.Head.Lines, "line"),
		", the connected one ", count(v.Lines, "line"), ". The head of the first: <code>", m.Plain(v.Head.SHA256),
		"</code></p>\n", m.Each(v.Logs, check.line), "\n", table.Of(m.Rows(v.Events, func(e event) []m.HTML {
			words := m.Each(e.Words(), func(word string) m.HTML { return m.Of(m.Text(word), " ") })
			command := m.Of("<b>", m.Text(e.Command), `</b> <span class="small line">`, words, "</span>")
			return []m.HTML{clock(e.Time), e.where(), command, m.Text(e.Outcome()), m.Each(e.Says(), said.line)}
		})...))
}
