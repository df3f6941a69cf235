package vacant

import (
	"testing"

	"byok/internal/exitcode"
	"byok/internal/hsm"
	"byok/internal/statement"
)

// certificate is CKO_CERTIFICATE, and no class of a key.
const certificate = hsm.Class(1)

func TestCheck(t *testing.T) {
	mine, other := statement.NewModuleID(), statement.NewModuleID()
	for _, c := range []struct {
		name  string
		items []hsm.Item
		want  string // behind "is not empty: "
	}{
		{"empty", nil, ""},
		{"an interrupted run's", []hsm.Item{
			{Class: hsm.SecretKey, Label: statement.KWLabel(mine, 1), Trusted: true},
			{Class: hsm.PublicKey, Label: statement.KMLabel(mine, 2), Trusted: true},
			{Class: hsm.PrivateKey, Label: statement.KMLLabel(mine)},
		}, ""},
		{"a certificate", []hsm.Item{{Class: certificate, Label: "root"}}, ""},
		{"a trusted certificate", []hsm.Item{{Class: certificate, Label: "root", Trusted: true}},
			`trusted certificate "root"`},
		{"another module's", []hsm.Item{
			{Class: hsm.SecretKey, Label: statement.KWLabel(other, 1), Trusted: true},
			{Class: hsm.PrivateKey, Label: "known"},
		}, `trusted secret key "` + statement.KWLabel(other, 1) + `"; private key "known"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check(hsm.Token{Label: "stage", Serial: "01"}, c.items, mine)
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if want := `token "stage" (serial 01) is not empty: ` + c.want; err == nil || err.Error() != want {
				t.Errorf("%v\nwant %s", err, want)
			}
			if exitcode.Of(err) != exitcode.Refused || exitcode.HintOf(err) != "remove these objects with the vendor's "+
				"tool, or use --initialize to destroy everything on the token" {
				t.Errorf("status %d, hint %s", exitcode.Of(err), exitcode.HintOf(err))
			}
		})
	}
}
