package report

import (
	"byok/internal/kek"
	m "byok/internal/markup"
	"byok/internal/statement"
)

// none is what a table shows where the record has nothing.
const none m.HTML = "none"

// keyTable is a row for each key.
func (v *view) keyTable() m.HTML {
	table := m.Table{Columns: []m.Column{
		{Title: "Key"},
		{Title: "Purpose and period", Label: "Purpose"},
		{Title: "Type"},
		{Title: "Origin"},
		{Title: "Destination, key id", Label: "Destination"},
		{Title: "Proof"},
		{Title: "State"},
	}}
	return m.Of("\n<h2 id=\"keys\">Keys</h2>\n", table.Of(m.Rows(v.Keys, key.cells)...), "\n",
		m.If(len(v.Keys) == 0, "<p>None was made.</p>\n"))
}

func (k key) cells() []m.HTML {
	return []m.HTML{
		m.Text(k.Ident), m.Of(m.Some("", k.Purpose, ""), m.Some("; ", k.Period, "")), m.Plain(k.Identity),
		m.Text(k.Origin), m.Either(len(k.Went) == 0, none, m.Each(k.Went, destination.versions)),
		m.Each(k.Went, destination.times), m.Text(k.State()),
	}
}

// versions are the key ids under which the vault has the key.
func (d destination) versions() m.HTML {
	if len(d.Versions) == 0 {
		return m.Of("<div>", m.Text(d.Target.Vault), ", ", m.Text(d.Target.Name), ": not uploaded, by this record</div>")
	}
	return m.Of("<div>", m.Each(d.Versions, func(kid kek.ID) m.HTML { return m.Of(m.Text(kid), " ") }), "</div>")
}

// times are when the vault proved that it has the key.
func (d destination) times() m.HTML {
	if len(d.Proofs) == 0 {
		return m.Of("<div>", warn(none), "</div>")
	}
	return m.Of("<div>", m.Each(d.Proofs, func(p proved) m.HTML { return m.Of(clock(p.Time), " ") }), "</div>")
}

// section is what there is to say of one key.
func (k key) section() m.HTML {
	return m.Of("<h3>", m.Text(k.Ident), ": ", m.Text(k.State()), "</h3>\n<dl>\n",
		"<dt>Type</dt><dd>", m.Plain(k.Identity), "</dd>\n",
		`<dt>Identified by</dt><dd class="words">`, m.Plain(k.Identifies), "</dd>\n",
		"<dt>Origin</dt><dd>", m.Text(k.Origin), "</dd>\n",
		m.Some("<dt>Replaces</dt><dd>", k.Replaces, "</dd>"), m.Some("<dt>Replaced by</dt><dd>", k.ReplacedBy, "</dd>"), "\n",
		"<dt>Permissions before</dt><dd>", m.List(k.Permissions), "</dd>\n</dl>\n", m.Each(k.Checks, check.line), "\n",
		m.Each(k.Went, destination.section), m.If(len(k.Went) == 0, "<p>It was approved for no vault.</p>\n"))
}

// section is what there is to say of one destination of a key.
func (d destination) section() m.HTML {
	return m.Of("<dl>\n",
		"<dt>Approved for</dt><dd>", m.Text(d.Target.Name), " in ", m.Text(d.Target.Vault), ", by statement ",
		m.Plain(d.Number), m.If(d.Later > 0, "; statement ", m.Plain(d.Later), " approved it again"), "</dd>\n",
		"<dt>Operations</dt><dd>", m.List(d.Target.KeyOps), m.If(d.Target.Exportable, "; exportable"), "</dd>\n",
		"<dt>KEK</dt><dd>", m.Text(d.KEK.KID), "</dd>\n",
		"<dt>Permissions after</dt><dd>", m.List(d.Copy), ": those of the copy that was wrapped</dd>\n",
		"<dt>HSM's attestation</dt><dd>", d.attestation(), "</dd>\n",
		"<dt>Key id</dt><dd>", m.Each(d.Versions, func(kid kek.ID) m.HTML { return m.Of(m.Text(kid), "<br>") }),
		m.If(len(d.Versions) == 0, "none in this record"), "</dd>\n",
		"<dt>Proof</dt><dd>", m.Each(d.Proofs, proved.line), m.If(len(d.Proofs) == 0, warn(none)), "</dd>\n</dl>\n",
		m.Each(d.Checks, check.line), m.Each(d.Proofs, func(p proved) m.HTML { return p.Check.line() }), "\n")
}

// attestation is what the HSM's vendor attests of the key.
func (d destination) attestation() m.HTML {
	if d.HSM == nil {
		return m.Text(d.HSM)
	}
	return m.Of(m.Text(d.HSM), ", SHA-256 ", m.Plain(d.HSM.SHA256), m.Each(d.HSM.Rules, func(r statement.Rule) m.HTML {
		return m.Of("<br>", m.Text(r.Rule), ": ", m.Text(r.Detail))
	}))
}

func (p proved) line() m.HTML {
	return m.Of(moment(p.Time), ", ", m.Text(p.Method), ", ", m.Text(p.Algorithm), ": ", m.Text(p.KID), "<br>")
}

// exchanges are the KEKs that the quorum approved.
func (v *view) exchanges() m.HTML {
	return m.Of("\n\n<h2 id=\"keks\">Key exchange keys</h2>\n", m.Each(v.KEKs, exchange.section),
		m.If(len(v.KEKs) == 0, "<p>None was approved.</p>\n"))
}

func (k exchange) section() m.HTML {
	rules := m.Table{Columns: []m.Column{{Title: "Rule"}, {Title: "Result"}, {Title: "Found"}}}
	return m.Of("<h3>", m.Text(k.KID), "</h3>\n<dl>\n",
		"<dt>Key</dt><dd>RSA, ", m.Plain(k.Bits), " bits, exponent ", m.Plain(k.Exponent), "; ",
		m.Either(k.Attested, "attested by its HSM", "not attested: the owner's word alone"), "</dd>\n",
		"<dt>Said by</dt><dd>", m.Text(k.Said.By), ": fingerprint beginning with ", m.Text(k.Said.Fingerprint),
		"; import only</dd>\n<dt>Closed</dt><dd>", k.closed(), "</dd>\n</dl>\n",
		hash(k.Fingerprint, "SHA-256 of its public key"), m.Each(k.Checks, check.line), "\n",
		rules.Of(m.Rows(k.Attestation, func(r statement.Rule) []m.HTML {
			return []m.HTML{m.Text(r.Rule), m.Either(r.OK, "pass", warn("FAIL")), m.Text(r.Detail)}
		})...), "\n")
}

func (k exchange) closed() m.HTML {
	if k.Closed.IsZero() {
		return warn("not by this record: whoever may import can still use the packages")
	}
	return m.Of(moment(k.Closed), m.If(k.Found, ", found deleted"))
}
