package runbook

import "strings"

const (
	noCardset = "the BYOK toolset does not support OCS-protected keys: leave it out"
	oneKind   = "only keys of application simple can be transferred"
)

// disconnected are the tools of the disconnected workstation.
func disconnected() []tool {
	list := []tool{
		{names: []string{"new-world"}, command: "world create", options: worldOptions(), word: feature},
		{names: []string{"generatekey"}, command: "key generate", options: keyOptions(), word: application},
		{names: []string{"verifykeypackage"}, command: "verify", options: packageOptions("-k", "-w"), finish: wholeNames},
		{names: []string{"KeyTransferRemote"}, options: transferOptions(), finish: wholeTransfer},
		{names: []string{"preload"}, options: loadOptions(), word: loaded, finish: loadedAny},
		{names: []string{"aclprint"}, command: "acl print"},
		{names: []string{"kmfile-dump"}, command: "kmfile dump", word: dumped},
		{names: []string{"enquiry"}, command: "module list", options: []option{oneModule()}},
		{names: []string{"nfkminfo"}, command: "world info", options: infoOptions(), word: listed},
		{names: []string{"nfkmcheck"}, command: "world check"},
		{names: []string{"racs"}, command: "world replace-cards", options: []option{oneModule()}},
	}
	for i := range list {
		list[i].program = Offline
	}
	return list
}

func worldOptions() []option {
	const vendors = "that is a setting of the HSM, and its vendor's tools make it: leave it out"
	return []option{
		{names: []string{"--initialize", "-i"}, today: "--initialize"},
		{names: []string{"--program", "-l"}, command: "world recover"},
		never(false, "no step erases a module: its vendor's tools do", "--factory", "-e"),
		{names: []string{"--cipher-suite", "-c"}, takes: true, today: "--cipher-suite"},
		{names: []string{"--acs-quorum", "-Q"}, takes: true, today: "--acs-quorum"},
		oneModule(),
		{names: []string{"--mode"}, takes: true, allows: []string{"fips-140-2-level-2", "unrestricted"}, why: vendors},
		never(false, "every key has a backup that a quorum restores: leave it out", "--no-recovery"),
	}
}

// feature is a word after the options of new-world, such as "nv".
func feature(r *reading, word string) {
	r.refuse(word, "a security world has no features to choose: leave it out")
}

func keyOptions() []option {
	return []option{
		dropped("--generate", "-g"),
		dropped("--batch", "-b"),
		dropped("--verify"),
		dropped("--no-verify"),
		oneModule(),
		never(true, noCardset, "--cardset", "cardset="),
		never(true, noCardset, "--slot", "slot="),
		never(false, "a key whose value was ever outside an HSM cannot be taken: generate one", "--import"),
		never(false, oneKind, "--retarget"),
		parameter("type", kindOf),
		parameter("size", nil),
		parameter("curve", nil),
		{
			names:  []string{"protect="},
			takes:  true,
			today:  "--protect",
			allows: []string{"module"},
			why:    "protect must be module: the BYOK toolset does not support OCS-protected keys",
		},
		parameter("ident", nil),
		parameter("plainname", nil),
		parameter("pubexp", hexadecimal),
		limited("nvram=", "nvram must be no: a key in the HSM's memory cannot be transferred", "no"),
		limited("recovery=", "every key has a backup that a quorum restores", "yes"),
		limited("verify=", "", "yes", "no"),
	}
}

// parameter is one of generatekey's, typed as NAME=VALUE.
func parameter(name string, as func(string) string) option {
	return option{names: []string{name + "="}, takes: true, today: "--" + name, as: as}
}

// limited is a parameter for which nothing has to be said, as long as it has one of
// these values.
func limited(name, why string, allows ...string) option {
	return option{names: []string{name}, takes: true, allows: allows, why: why}
}

// kindOf is a type of key as nShield calls it.
func kindOf(value string) string {
	if strings.EqualFold(value, "Rijndael") {
		return "AES"
	}
	return value
}

// hexadecimal is a public exponent as generatekey takes it, marked as what it is.
func hexadecimal(exponent string) string {
	return "0x" + strings.TrimPrefix(strings.ToLower(exponent), "0x")
}

// application is the word "simple", after generatekey's options.
func application(r *reading, word string) {
	if !strings.EqualFold(word, "simple") {
		r.refuse(word, oneKind)
	}
}

// packageOptions are those of the two packages, by the tool's names for them.
func packageOptions(kek, world string) []option {
	return []option{
		{names: []string{kek}, takes: true, today: "-k", as: packageFile, instead: []string{"--kek"}},
		{names: []string{world}, takes: true, today: "-w", as: packageFile, instead: []string{"--world-package"}},
	}
}

func transferOptions() []option {
	return append(packageOptions("-ExchangeKeyPackage", "-NewSecurityWorldPackage"),
		option{names: []string{"-ModifyAcls"}, command: "acl modify"},
		option{names: []string{"-Package"}, command: "package"},
		option{names: []string{"-KeyAppName"}, takes: true, allows: []string{"simple"}, why: oneKind},
		option{names: []string{"-KeyIdentifier"}, takes: true, today: "--ident"},
		option{names: []string{"-SubscriptionId"}, takes: true, today: "--subscription-id"},
		option{names: []string{"-KeyFriendlyName"}, takes: true, today: "--key-friendly-name"},
	)
}

// wholeTransfer: KeyTransferRemote does one of two things.
func wholeTransfer(r *reading) {
	if r.command == "" && r.err == nil {
		r.err = refused(r.tool.names[0], "-ModifyAcls or -Package is missing").
			Hint("byok-offline acl modify --help, or byok-offline package --help")
	}
	wholeNames(r)
}

func loadOptions() []option {
	return []option{
		oneModule(),
		{names: []string{"--appname", "-A"}, takes: true, today: "--app", as: lowerL},
		{names: []string{"--key-ident", "-K"}, takes: true, today: "--ident"},
		never(true, noCardset, "--cardset", "--cardset-name", "-c"),
	}
}

// lowerL is the application of a transfer copy, which the old page also writes with
// a capital I.
func lowerL(app string) string {
	if strings.EqualFold(app, "xferacId") || strings.EqualFold(app, "xferacld") {
		return "xferacld"
	}
	return app
}

// loaded is a word of the program that preload starts.
func loaded(r *reading, word string) {
	switch {
	case plainName(word) == "aclprint":
		r.command = "acl print"
	case len(afterInterpreters([]string{word})) > 0:
		r.refuse(word, "preload starts aclprint.py, and no other program: keys are loaded by the command that uses them")
	}
}

func loadedAny(r *reading) {
	if r.command == "" && r.err == nil {
		r.err = refused(r.tool.names[0], "aclprint.py is missing: keys are loaded by the command that uses them").
			Hint("byok-offline acl print --help")
	}
}

// dumped is a file of kmdata.
func dumped(r *reading, word string) { r.files = append(r.files, keyFile(word)) }

func infoOptions() []option {
	return []option{
		{names: []string{"--world-info", "-w"}, command: "world info"},
		{names: []string{"--module-list", "-m"}, command: "world info"},
		{names: []string{"--key-list", "-k"}, command: "key list"},
		{names: []string{"--name-list", "-l"}, command: "key list"},
		never(false, "there are no operator card sets", "--cardset-list", "-c"),
		never(false, "there are no softcards", "--softcard-list", "-s"),
		dropped("--verbose", "-v"),
	}
}

// listed is the application of a key that nfkminfo shows, and then its identifier.
func listed(r *reading, word string) {
	switch {
	case r.command != "key list":
		r.refuse(word, "a key is shown with -k")
	case lowerL(word) != "xferacld" && !strings.EqualFold(word, "simple"):
		r.command = "key show"
		r.said = append(r.said, said{name: "--ident", value: word})
	}
}
