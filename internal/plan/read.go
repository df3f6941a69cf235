package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"

	"go.yaml.in/yaml/v3"

	"byok/internal/exitcode"
	"byok/internal/strictjson"
)

// MaxFile is the most bytes that a plan may have: ten thousand keys and more.
const MaxFile = 8 << 20

// Parse reads a plan, the content of the file called name. An unknown or doubled
// field, another version, a second document and a file that is not UTF-8 are
// refused with the line. What the fields say is for [Plan.Check]. The error has
// the status Usage.
func Parse(name string, data []byte) (*Plan, error) {
	p, err := parse(data)
	if err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", name, err)
	}
	p.file = filepath.Base(name)
	return p, nil
}

func parse(data []byte) (*Plan, error) {
	if len(data) > MaxFile {
		return nil, fmt.Errorf("larger than the %d bytes that a plan may have", MaxFile)
	}
	if err := strictjson.CheckEncoding(data); err != nil {
		return nil, err
	}
	var tree yaml.Node
	if err := yaml.Unmarshal(data, &tree); err != nil {
		return nil, worded(err)
	}
	p := &Plan{lines: map[string]int{}}
	if err := p.locate("", &tree); err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	switch err := d.Decode(p); {
	case errors.Is(err, io.EOF):
		return nil, errors.New("there is nothing in it")
	case err != nil:
		return nil, worded(err)
	}
	if err := d.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("a plan is one document, and this file goes on after ---")
	}
	if p.Version != Version {
		return nil, fmt.Errorf("version %d of a ceremony plan; this release reads version %d", p.Version, Version)
	}
	return p, nil
}

// locate notes the line of every field below node, whose path is at. An
// alias is refused: what a reviewer reads in one place must not stand for text
// in another.
func (p *Plan) locate(at string, node *yaml.Node) error {
	switch node.Kind {
	case yaml.AliasNode:
		return fmt.Errorf("line %d: a plan has no aliases (*%s)", node.Line, node.Value)
	case yaml.DocumentNode:
		return p.locate(at, node.Content[0])
	case yaml.SequenceNode:
		for i, item := range node.Content {
			if err := p.note(fmt.Sprintf("%s[%d]", at, i+1), item.Line, item); err != nil {
				return err
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			field := node.Content[i]
			if err := p.note(below(at, field.Value), field.Line, node.Content[i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// note notes the line of one field, and locates what is below it.
func (p *Plan) note(at string, line int, node *yaml.Node) error {
	p.lines[at] = line
	return p.locate(at, node)
}

func below(at, field string) string {
	if at == "" {
		return field
	}
	return at + "." + field
}

// texts turn the library's messages into this project's.
var texts = []struct {
	from *regexp.Regexp
	to   string
}{
	{regexp.MustCompile(`^yaml: `), ""},
	{regexp.MustCompile(`field (.*) not found in type plan\.\w+`), "unknown field $1"},
	{regexp.MustCompile(`mapping key "(.*)" already defined at line (\d+)`), "field $1 stands in line $2 already"},
	{regexp.MustCompile("cannot unmarshal !!\\w+(?: `.*`)? into bool"), "expected true or false"},
	{regexp.MustCompile("cannot unmarshal !!\\w+(?: `.*`)? into int"), "expected a number"},
	{regexp.MustCompile("cannot unmarshal !!\\w+(?: `.*`)? into (?:string|plan\\.Day)"), "expected a text"},
	{regexp.MustCompile("cannot unmarshal !!\\w+(?: `.*`)? into \\[\\].*"), "expected a list"},
	{regexp.MustCompile("cannot unmarshal !!\\w+(?: `.*`)? into plan\\..*"), "expected fields"},
}

// worded is the first of the library's errors, in words that name no Go type.
func worded(err error) error {
	text := err.Error()
	if several, ok := errors.AsType[*yaml.TypeError](err); ok {
		text = several.Errors[0]
	}
	for _, t := range texts {
		text = t.from.ReplaceAllString(text, t.to)
	}
	return errors.New(text)
}
