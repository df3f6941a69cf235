package docs

import (
	"reflect"
	"strings"
	"testing"

	"byok/internal/plan"
	"byok/internal/testkit/page"
)

// TestPlanFields: the page on files names every field of a plan.
func TestPlanFields(t *testing.T) {
	section, err := page.Section("files.md", "## Plan")
	if err != nil {
		t.Fatal(err)
	}
	names := yamlNames(reflect.TypeFor[plan.Plan]())
	for _, name := range names {
		if !strings.Contains(section, "`"+name+"`") {
			t.Errorf("files.md says nothing of the field %s", name)
		}
	}
	if len(names) < 40 {
		t.Errorf("%d fields", len(names))
	}
}

// yamlNames lists the YAML fields of a struct, and of the structs in it.
func yamlNames(t reflect.Type) (names []string) {
	if t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
		names = append(names, yamlNames(f.Type)...)
	}
	return names
}
