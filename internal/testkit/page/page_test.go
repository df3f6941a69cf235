package page

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const document = `# Page

## One

| field | what |
| --- | --- |
| ` + "`a`" + ` | first |
| ` + "`b[].c`" + ` | second |

### Within

` + "```sh\necho one\n```\n" + `
text
` + "```sh\necho two\n```\n" + `
## Two

| ` + "`d`" + ` | of another |
`

func TestSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	one, err := Section(path, "## One")
	if err != nil || !slices.Equal(Rows(one), []string{"a", "b[].c"}) || Commands(one) != "echo one\necho two\n" {
		t.Errorf("%q, %v", one, err)
	}
	within, err := Section(path, "### Within")
	if err != nil || Rows(within) != nil || Commands(within) != "echo one\necho two\n" {
		t.Errorf("%q, %v", within, err)
	}
	two, err := Section(path, "## Two")
	if err != nil || !slices.Equal(Rows(two), []string{"d"}) {
		t.Errorf("%q, %v", two, err)
	}
	if _, err := Section(path, "## Three"); err == nil || err.Error() != path+`: there is no heading "## Three"` {
		t.Error(err)
	}
	if _, err := Section(path+"x", "## One"); err == nil {
		t.Error("a page that is not there")
	}
}

type embedded struct {
	E int `json:"e"`
}

type inside struct {
	Time  time.Time `json:"time,omitzero"`
	Bytes []byte    `json:"bytes"`
}

type all struct {
	embedded
	A     int      `json:"a"`
	List  []inside `json:"list"`
	Ptr   *inside  `json:"ptr"`
	Words []string `json:"words"`
	Not   int      `json:"-"`
	//lint:ignore U1000 left out of the page
	hidden int
	Times  []float64 `json:"times"`
}

func TestFields(t *testing.T) {
	want := []string{"e", "a", "list[].time", "list[].bytes", "ptr.time", "ptr.bytes", "words[]", "times[]"}
	if got := Fields(all{}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if got := Fields(all{}, embedded{}); !slices.Equal(got, want[1:]) {
		t.Errorf("%q", got)
	}
}
