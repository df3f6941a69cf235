package runbook

// tool is a program of the old procedure.
type tool struct {
	names   []string // as the old procedure writes it, and other names, without the ending
	program string   // that does the same today
	command string   // of it, where no option chooses one
	options []option
	// word reads a word that is not an option; nil takes it as a file.
	word func(r *reading, word string)
	// finish looks at the line as a whole, if set.
	finish func(r *reading)

	why  string // nothing does the same today
	next string // what to do instead, where why is set
}

// option is an option of a tool. It may be typed in any case, and its value
// after it or, with "=" or ":" between, in the same word.
type option struct {
	names   []string // with their dashes, "--module"; a parameter of generatekey ends with "="
	takes   bool     // a value
	today   string   // what it is called today; "" where nothing is to be said
	command string   // of today, which it chooses
	allows  []string // the only values that can be had today
	why     string   // why others cannot, or without allows: why it cannot be had at all
	as      func(value string) string
	// instead are options of today that say the same in another way: with one
	// after the line, this is left out. The option called today is always one.
	instead []string
}

// tools are all programs of the old procedure.
func tools() []tool {
	return append(append(disconnected(), connected()...), gone()...)
}

// oneModule is the number of a module: the procedure has only one.
func oneModule() option {
	return option{
		names:  []string{"--module", "-m"},
		takes:  true,
		allows: []string{"1"},
		why:    "modules have no numbers here: name the token after the line, with --token",
	}
}

// dropped is an option that nothing has to be said for.
func dropped(names ...string) option { return option{names: names} }

// never is an option that cannot be had.
func never(takes bool, why string, names ...string) option {
	return option{names: names, takes: takes, why: why}
}

// gone are the programs and lines that nothing has to take the place of, or
// nothing can.
func gone() []tool {
	const ocs = "there are no operator cards: keys are protected by the module, and approved by administrator cards"
	return []tool{
		{
			names: []string{"createocs", "ppmk"},
			why:   ocs,
			next:  "byok-offline key generate --help",
		},
		{
			names: []string{"vcredist_x64", "set"},
			why:   "nothing has to be installed or set beside the two programs",
			next:  "byok-offline version",
		},
		{
			names: []string{"nopclearfail", "initunit"},
			why:   "the HSM's mode is the vendor's tools' to change, and no step needs another mode",
			next:  "byok-offline module list",
		},
		{
			names: []string{"Set-AzContext", "Select-AzSubscription"},
			why:   "no subscription is kept between commands: those that need one take its id",
			next:  "byok-online subscription list",
		},
		{
			names: []string{"Get-AzKeyVaultKey"},
			why:   "a key in the vault is not shown by its name alone, but proved to be the key that was made offline",
			next:  "byok-online verify --help",
		},
		{
			names: []string{"Get-AzKeyVault"},
			why:   "vaults are listed by subscription",
			next:  "byok-online vault list --help",
		},
	}
}
