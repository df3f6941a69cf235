package plan

import _ "embed"

// Template is a plan to fill in: every field, each with a comment.
//
//go:embed template.yaml
var Template []byte
