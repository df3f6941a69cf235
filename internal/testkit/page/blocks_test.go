package page

import (
	"maps"
	"slices"
	"testing"
)

const blocks = "# A page, of two\n\n    one\n\n      two\n\ntext\n    not\n\n```sh\n# no heading\n\n    three\n```\n\n" +
	"[a](b.md#c) `x` [d](https://e)\n\n    [f](g)\n\n## It's `here`\n```\nfour\n```\n"

func TestBlocks(t *testing.T) {
	want := []Block{
		{3, Indented, "one\n\n  two\n"},
		{11, "sh", "# no heading\n\n    three\n"},
		{18, Indented, "[f](g)\n"},
		{22, "", "four\n"},
	}
	got := Blocks(blocks)
	if !slices.Equal(got, want) || got[0].First() != "one" {
		t.Errorf("%+v", got)
	}
}

func TestLinks(t *testing.T) {
	if got := Links(blocks); !slices.Equal(got, []string{"b.md#c", "https://e"}) {
		t.Errorf("%q", got)
	}
	if got := slices.Sorted(maps.Keys(Anchors(blocks))); !slices.Equal(got, []string{"a-page-of-two", "its-here"}) {
		t.Errorf("%q", got)
	}
}
