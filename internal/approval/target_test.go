package approval

import (
	"strings"
	"testing"

	"byok/internal/fingerprint"
	"byok/internal/statement"
)

var policySum = fingerprint.Of([]byte("policy"))

func approved() statement.Target {
	return statement.Target{Vault: "https://contoso.vault.azure.net", Name: "payroll", KeyOps: []string{"verify", "sign"}}
}

// TestDifferences changes one thing of what was approved at a time.
func TestDifferences(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*statement.Target)
		want   string
	}{
		{"as approved", func(*statement.Target) {}, ""},
		{"operations in another order", func(is *statement.Target) { is.KeyOps = []string{"sign", "verify"} }, ""},
		{"name in capitals", func(is *statement.Target) { is.Name = "PAYROLL" }, ""},
		{"vault", func(is *statement.Target) { is.Vault = "https://fabrikam.vault.azure.net" },
			"KEY-VAULT: https://fabrikam.vault.azure.net where the quorum approved https://contoso.vault.azure.net"},
		{"name", func(is *statement.Target) { is.Name = "payrol" }, "KEY-NAME: payrol where the quorum approved payroll"},
		{"fewer operations", func(is *statement.Target) { is.KeyOps = []string{"sign"} },
			"KEY-OPS: sign where the quorum approved sign, verify"},
		{"more operations", func(is *statement.Target) { is.KeyOps = append(is.KeyOps, "decrypt") },
			"KEY-OPS: decrypt, sign, verify where the quorum approved sign, verify"},
		{"no operations", func(is *statement.Target) { is.KeyOps = nil },
			"KEY-OPS: no operations where the quorum approved sign, verify"},
		{"exportable", func(is *statement.Target) { is.Exportable = true },
			"KEY-EXPORTABLE: exportable where the quorum approved not exportable"},
		{"policy", func(is *statement.Target) { is.ReleasePolicy = policySum },
			"KEY-POLICY: release policy " + policySum.String() + " where the quorum approved no release policy"},
		{"all", func(is *statement.Target) { *is = statement.Target{Exportable: true, ReleasePolicy: policySum} },
			"KEY-VAULT:  where the quorum approved https://contoso.vault.azure.net; " +
				"KEY-NAME:  where the quorum approved payroll; " +
				"KEY-OPS: no operations where the quorum approved sign, verify; " +
				"KEY-EXPORTABLE: exportable where the quorum approved not exportable; " +
				"KEY-POLICY: release policy " + policySum.String() + " where the quorum approved no release policy"},
	} {
		is := approved()
		c.change(&is)
		if got := Differences(approved(), is); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestCompare(t *testing.T) {
	is := approved()
	is.Name = "other"
	var got []string
	for _, p := range Compare(approved(), is) {
		got = append(got, p.Rule+" "+p.String())
	}
	want := `KEY-VAULT https://contoso.vault.azure.net
KEY-NAME other where the quorum approved payroll
KEY-OPS sign, verify
KEY-EXPORTABLE not exportable
KEY-POLICY no release policy`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}
