package toolset

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/xrash/smetrics"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// regionTable has one line a zip of the retired toolset: name, suffix, file,
// SHA-256 and cloud, between tabs, under one line of headings.
//
//go:embed regions.tsv
var regionTable string

// Region is one zip of the retired toolset, with the SHA-256 that Microsoft
// published beside it in "Import HSM-protected keys for Key Vault (nCipher)".
type Region struct {
	Name    string          `json:"name"`    // as the download page has it, "United States"
	Suffix  string          `json:"suffix"`  // in the names of its packages, "NA"; two regions share GERMANY
	Package string          `json:"package"` // the zip's file name
	SHA256  fingerprint.Sum `json:"sha256"`  // of the zip
	Cloud   string          `json:"cloud"`   // AzurePublic, AzureGovernment, or AzureGermany (closed in 2021)
}

// Regions lists the 18 regions in the order of the download page.
func Regions() []Region {
	var all []Region
	lines := strings.Split(strings.TrimSpace(regionTable), "\n")
	for _, line := range lines[1:] {
		all = append(all, parseRegion(strings.Split(line, "\t")))
	}
	return all
}

// parseRegion leaves a hash it cannot read at zero, which no file has; the
// tests compare every line with the published table.
func parseRegion(f []string) Region {
	r := Region{Name: f[0], Suffix: f[1], Package: f[2], Cloud: f[4]}
	_ = r.SHA256.UnmarshalText([]byte(f[3]))
	return r
}

// FindRegion finds a region by its name, the file name of its zip, its suffix
// or its cloud, in that order, without regard to case, spaces and dashes. So
// "Germany" is the region of that name, though Germany Public has the same
// suffix. A cloud of several regions and a name that is none are Usage
// errors; the latter says which region may have been meant.
func FindRegion(s string) (Region, error) {
	all := Regions()
	for _, spelling := range []func(Region) string{
		func(r Region) string { return r.Name },
		func(r Region) string { return r.Package },
		func(r Region) string { return r.Suffix },
		func(r Region) string { return r.Cloud },
	} {
		found := slices.DeleteFunc(slices.Clone(all), func(r Region) bool { return fold(spelling(r)) != fold(s) })
		if len(found) > 0 {
			return only(s, found)
		}
	}
	return Region{}, exitcode.Errorf(exitcode.Usage, "no region is called %.60q%s", s, didYouMean(s, all)).
		Hint("byok-online toolset list")
}

// RegionOf finds the region whose zip has this SHA-256.
func RegionOf(sum fingerprint.Sum) (Region, bool) {
	for _, r := range Regions() {
		if r.SHA256 == sum {
			return r, true
		}
	}
	return Region{}, false
}

func only(s string, found []Region) (Region, error) {
	if len(found) == 1 {
		return found[0], nil
	}
	var names []string
	for _, r := range found {
		names = append(names, r.Name)
	}
	return Region{}, exitcode.Errorf(exitcode.Usage, "%q matches %d regions; name one: %s", s, len(found),
		strings.Join(names, ", "))
}

// fold removes what people omit or add: case, spaces, dashes, ".zip".
func fold(s string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "", ".zip", "").Replace(strings.ToLower(s))
}

// didYouMean proposes the region whose name or suffix, or the cloud whose name,
// needs the fewest changes, if at most a third of the letters have to change.
func didYouMean(s string, all []Region) string {
	typed, best, name := fold(s), len(fold(s))/3, ""
	for _, r := range all {
		for _, known := range []struct{ spelling, meant string }{
			{r.Name, r.Name},
			{r.Suffix, r.Name},
			{r.Cloud, r.Cloud},
		} {
			if d := smetrics.WagnerFischer(typed, fold(known.spelling), 1, 1, 1); d <= best &&
				(name == "" || d < best) {
				best, name = d, known.meant
			}
		}
	}
	if name == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", name)
}
