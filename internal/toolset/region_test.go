package toolset

import (
	"strings"
	"testing"

	"byok/internal/exitcode"
	"byok/internal/fingerprint"
)

// TestRegionsArePublished compares the embedded table with the download page's.
func TestRegionsArePublished(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(string(read(t, "toolset-regions.tsv"))), "\n")[1:]
	regions := Regions()
	if len(lines) != 18 || len(regions) != len(lines) {
		t.Fatalf("%d regions, %d published", len(regions), len(lines))
	}
	for i, r := range regions {
		got := strings.Join([]string{r.Name, r.Package, strings.ToUpper(r.SHA256.String())}, "\t")
		if got != lines[i] {
			t.Errorf("%s\nwant %s", got, lines[i])
		}
		if by, ok := RegionOf(r.SHA256); !ok || by != r {
			t.Errorf("%s is not found by its hash", r.Name)
		}
	}
	if _, ok := RegionOf(fingerprint.Sum{}); ok {
		t.Error("a zero hash has a region")
	}
}

// TestSuffixes is the seed's: one verifykeypackage.py command line a region.
func TestSuffixes(t *testing.T) {
	want := "NA EU AP LATAM JPN KOREA SA UAE AUS USGOV USDOD CANADA GERMANY GERMANY INDIA FRANCE UK SUI"
	var got []string
	for _, r := range Regions() {
		got = append(got, r.Suffix)
	}
	if strings.Join(got, " ") != want {
		t.Errorf("%v", got)
	}
}

func TestFindRegion(t *testing.T) {
	for s, want := range map[string]string{
		"Europe": "Europe", "europe": "Europe", "EU": "Europe", "eu": "Europe",
		"FRANCE": "France", "France": "France", "United Kingdom": "United Kingdom", "united-kingdom": "United Kingdom", "uk": "United Kingdom",
		"Germany": "Germany", "GERMANY": "Germany", "germany public": "Germany Public", "GermanyPublic": "Germany Public", "AzureGermany": "Germany",
		"KeyVault-BYOK-Tools-Germany-Public.zip": "Germany Public", "KeyVault-BYOK-Tools-USGovCloud.zip": "Azure Government",
		"AzureGovernment": "Azure Government", "usgov": "Azure Government", "USDOD": "US Government DOD", "us government dod": "US Government DOD",
	} {
		if r, err := FindRegion(s); err != nil || r.Name != want {
			t.Errorf("%s: %q, %v", s, r.Name, err)
		}
	}
	for _, r := range Regions() {
		for _, s := range []string{r.Name, r.Package, strings.ToLower(r.Name)} {
			if got, err := FindRegion(s); err != nil || got != r {
				t.Errorf("%s: %q, %v", s, got.Name, err)
			}
		}
	}
}

func TestFindRegionRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"Jpan":        `no region is called "Jpan"; did you mean "Japan"?`,
		"Untied King": `no region is called "Untied King"`,
		"Swizerland":  `no region is called "Swizerland"; did you mean "Switzerland"?`,
		"CANDA":       `no region is called "CANDA"; did you mean "Canada"?`,
		"LATM":        `no region is called "LATM"; did you mean "Latin America"?`,
		"AzurGermany": `no region is called "AzurGermany"; did you mean "AzureGermany"?`,
		"AzurePublik": `no region is called "AzurePublik"; did you mean "AzurePublic"?`,
		"":            `no region is called ""`,
		"Atlantis":    `no region is called "Atlantis"`,
		"azurepublic": `"azurepublic" matches 15 regions; name one: United States, Europe, Asia, Latin America, Japan, Korea, South Africa, UAE, Australia, Canada, Germany Public, India, France, United Kingdom, Switzerland`,
	} {
		_, err := FindRegion(s)
		expect(t, s, err, exitcode.Usage, want)
	}
	_, err := FindRegion("Atlantis")
	if exitcode.HintOf(err) != "byok-online toolset list" {
		t.Errorf("hint: %q", exitcode.HintOf(err))
	}
}
