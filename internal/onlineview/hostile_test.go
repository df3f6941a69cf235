package onlineview

import (
	"testing"

	"byok/internal/testkit/hostile"
)

// TestHostileText prints each result with hostile text wherever it takes text.
func TestHostileText(t *testing.T) {
	hostile.Try(t, "Key", hostile.Fill[Key]())
	hostile.Try(t, "Package", hostile.Fill[Package]())
	hostile.Try(t, "Proof", hostile.Fill[Proof]())
	hostile.Try(t, "Toolset", hostile.Fill[Toolset]())
	hostile.Try(t, "Upload", hostile.Fill[Upload]())
	hostile.Try(t, "Upload of one", Upload{Uploaded: []UploadedKey{hostile.Fill[UploadedKey]()}})
	hostile.Try(t, "Verified", hostile.Fill[Verified]())
	hostile.Try(t, "Deleted", hostile.Fill[Deleted]())
	hostile.Try(t, "Identity", hostile.Fill[Identity]())
	hostile.Try(t, "Subscriptions", hostile.Fill[Subscriptions]())
	hostile.Try(t, "Simulation", hostile.Fill[Simulation]())
	hostile.Try(t, "Audit", hostile.Fill[Audit]())
	hostile.Try(t, "Renewed", hostile.Fill[Renewed]())
	hostile.Try(t, "Rechecked", hostile.Fill[Rechecked]())
	hostile.Try(t, "DryRun", hostile.Fill[DryRun]())
}
