package page

import (
	"regexp"
	"strings"
)

// Indented is the kind of a code block without a fence.
const Indented = "indented"

// Block is a code block of a document.
type Block struct {
	Line int    // in the document, of its first line, from 1
	Kind string // the word after the opening fence, such as sh; or [Indented]
	Text string // without the fence and the indentation
}

// First returns the first line of the block.
func (b Block) First() string {
	first, _, _ := strings.Cut(b.Text, "\n")
	return first
}

// Blocks lists the code blocks of a document in their order. An indented one
// follows an empty line, and an empty line in it does not end it.
func Blocks(document string) (blocks []Block) {
	open, before := -1, ""
	lines := strings.Split(document, "\n")
	for i, line := range lines {
		kind, fence := strings.CutPrefix(line, "```")
		text, indented := strings.CutPrefix(line, "    ")
		switch {
		case open >= 0 && blocks[open].Kind != Indented && fence:
			open = -1
		case open >= 0 && (blocks[open].Kind != Indented || indented || line == ""):
			if blocks[open].Kind == Indented {
				line = text
			}
			blocks[open].Text += line + "\n"
		case fence:
			open, blocks = len(blocks), append(blocks, Block{Line: i + 2, Kind: kind})
		case indented && before == "":
			open, blocks = len(blocks), append(blocks, Block{Line: i + 1, Kind: Indented, Text: text + "\n"})
		default:
			open = -1
		}
		before = lines[i]
	}
	for i := range blocks {
		blocks[i].Text = strings.TrimRight(blocks[i].Text, "\n") + "\n"
	}
	return blocks
}

// prose returns the document without its code blocks.
func prose(document string) string {
	lines := strings.Split(document, "\n")
	for _, b := range Blocks(document) {
		for i := range strings.Count(b.Text, "\n") {
			lines[b.Line-1+i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} (.*)$`)
	gone    = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// Links lists where a document's links lead, as they are written.
func Links(document string) (targets []string) {
	for _, m := range link.FindAllStringSubmatch(prose(document), -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// Anchors are the names that GitHub gives to the headings of a document, for a
// link's part after #: in lower case, without punctuation, with dashes for
// spaces.
func Anchors(document string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(prose(document), -1) {
		name := gone.ReplaceAllString(strings.ToLower(m[1]), "")
		names[strings.ReplaceAll(name, " ", "-")] = true
	}
	return names
}
