package manual

import (
	"byok/internal/ordered"
	"cmp"
	"slices"

	"github.com/urfave/cli/v2"
)

// The titles of groups that hold no options of their own.
const (
	requiredTitle = "required"
	otherTitle    = "other options"
	globalTitle   = "global options, before the command or after it"
)

// members says which options belong together, by their names. Where one name
// is two options, the placeholder distinguishes them.
var members = []struct {
	title   string
	options []string
}{
	{"the key", []string{
		"ident", "plainname", "type", "size", "curve", "pubexp", "protect", "replaces", "app", "without-quorum", "all",
		"really-destroy", "hsm-attestation", "hsm-attestation-root", "jobs",
	}},
	{"a key of another vendor's tool", []string{"kty", "public-key", "unchecked"}},
	{"the KEK", []string{
		"kek", "world-package", "fingerprint", "kid", "import-only", "said-by", "show-words", "attestation", "at",
		"suffix", "generation", "location", "expires-in",
	}},
	{"the key in the vault", []string{
		"key-friendly-name", "key-op", "name", "version", "ops", "exportable", "release-policy", "tag", "not-before",
		"expires", "disabled", "recover", "force-new-version", "rate",
	}},
	{"the vault", []string{"vault", "rehearsal DIR", "test-vault", "yes", "subscription-id"}},
	{"the approval", []string{"approve", "approve-unseen"}},
	{"administrator cards", []string{
		"acs-quorum", "card", "card-pin-file", "holder", "new-card", "new-card-pin-file", "new-holder",
		"own-passphrase",
	}},
	{"the record", []string{
		"step", "initials", "deviation", "last-statement", "break-reason", "reason", "hknso", "config", "nonce",
	}},
	{"the security world", []string{"label", "guard", "rights-per-login", "vendor-quorum", "cipher-suite", "rehearsal"}},
	{"the HSM", []string{
		"module-path", "token", "module", "initialize", "adopt", "with-test-keys", "pin-file", "new-pin-file",
		"so-pin-file", "quorum-pin-file", "library-sha256", "serial", "officer-wait", "hsm-network",
		"require-airgap",
		"unconfined",
	}},
	{"files", []string{
		"manifest", "proof", "region", "from", "out", "to", "release", "platform", "toolset", "sha256", "words", "explain",
		"plan", "keep", "byok-offline",
	}},
	{"the numbers", []string{"vaults", "keys", "subscriptions"}},
	{"the practice vault", []string{"state", "listen", "service", "limit", "fault", "clear"}},
	{"signing in", []string{
		"auth", "cloud", "tenant", "client-id", "client-secret-file", "client-certificate",
		"client-certificate-password-file", "ca-file", "disable-instance-discovery", "vault-suffix",
		"resource-manager", "debug",
	}},
}

// groups sorts the options of a command: what must be given, then what belongs
// together, in the order of members, then what every command takes.
func (p Program) groups(c *cli.Command) []Group {
	groups := make([]Group, len(members)+2)
	groups[0].Title, groups[len(members)+1].Title = requiredTitle, otherTitle
	for i, m := range members {
		groups[i+1].Title = m.title
	}
	for _, o := range p.sorted(c) {
		at, _ := o.place()
		if o.Required {
			at = 0
		}
		groups[at].Options = append(groups[at].Options, o)
	}
	return append(few(groups), Group{globalTitle, p.global(c.Flags...)})
}

// fewOptions is how many optional ones are easier to read without titles.
const fewOptions = 5

// few drops the groups that are empty, and makes one of those of a command that
// has only a few options.
func few(groups []Group) []Group {
	one := Group{Title: "options"}
	for _, g := range groups[1:] {
		one.Options = append(one.Options, g.Options...)
	}
	if len(one.Options) <= fewOptions {
		groups = []Group{groups[0], one}
	}
	return slices.DeleteFunc(groups, func(g Group) bool { return len(g.Options) == 0 })
}

// sorted are the options of a command without the global ones, unless it needs one.
func (p Program) sorted(c *cli.Command) (list []Option) {
	for _, f := range c.Flags {
		o := p.option(f)
		if slices.ContainsFunc(p.Global, func(g cli.Flag) bool { return p.option(g).same(o) }) {
			continue
		}
		o.Required = slices.Contains(p.Required[c], o.Names[0])
		list = append(list, o)
	}
	ordered.Sort(list, func(a, b Option) int {
		groupA, placeA := a.place()
		groupB, placeB := b.place()
		return cmp.Or(cmp.Compare(groupA, groupB), cmp.Compare(placeA, placeB))
	})
	return list
}

// same reports whether two options have one name and one meaning: a command's own
// option takes the place of a global one of its name.
func (o Option) same(other Option) bool {
	return o.Names[0] == other.Names[0] && o.Meaning == other.Meaning
}

// place returns where an option stands in members: its group, counted from 1,
// and its place in that.
func (o Option) place() (group, place int) {
	for i, m := range members {
		for _, name := range []string{o.Names[0] + " " + o.Word, o.Names[0]} {
			if at := slices.Index(m.options, name); at >= 0 {
				return i + 1, at
			}
		}
	}
	return len(members) + 1, 0
}
