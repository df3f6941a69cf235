package view_test

import (
	"testing"

	"byok/internal/strictjson"
	"byok/internal/testkit/hostile"
	"byok/internal/view"
)

// TestHostileText prints each result with hostile text wherever it takes text.
func TestHostileText(t *testing.T) {
	hostile.Try(t, "ACL", hostile.Fill[view.ACL]())
	hostile.Try(t, "Copy", hostile.Fill[view.Copy]())
	hostile.Try(t, "Confinement", hostile.Fill[view.Confinement]())
	hostile.Try(t, "Tokens", hostile.Fill[view.Tokens]())
	hostile.Try(t, "Survey", hostile.Fill[view.Survey]())
	hostile.Try(t, "Package", hostile.Fill[view.Package]())
	hostile.Try(t, "Packages", hostile.Fill[view.Packages]())
	hostile.Try(t, "Approved", hostile.Fill[view.Approved]())
	hostile.Try(t, "Made", hostile.Fill[view.Made]())
	hostile.Try(t, "Installed", hostile.Fill[view.Installed]())
	hostile.Try(t, "Seal", hostile.Fill[view.Seal]())
	hostile.Try(t, "Passphrase", hostile.Fill[view.Passphrase]())
	hostile.Try(t, "Retired", hostile.Fill[view.Retired]())
	hostile.Try(t, "Result", hostile.Fill[view.Result]())
	hostile.Try(t, "World", hostile.Fill[view.World]())
	hostile.Try(t, "Backup", hostile.Fill[view.Backup]())
	hostile.Try(t, "Checks", hostile.Fill[view.Checks]())
	hostile.Try(t, "Key", hostile.Fill[view.Key]())
	hostile.Try(t, "KeyList", hostile.Fill[view.KeyList]())
	hostile.Try(t, "Bundle", hostile.Fill[view.Bundle]())

	content, err := strictjson.Marshal(hostile.Valid())
	if err != nil {
		t.Fatal(err)
	}
	hostile.Try(t, "Dump", view.Dump{Signer: hostile.Text, Content: string(content)})
}
