package runbook

import "strings"

const (
	noCardset = "the BYOK toolset does not support OCS-protected keys: leave it out"
	oneKind   = "only keys of application simple can be transferred"
)

// disconnected are the tools of the disconnected workstation.
func disconnected() []tool {
	return []tool{
		{names: []string{"new-world"}, ending: ".exe", program: Offline, command: "world create", options: worldOptions(), word: feature},
		{names: []string{"generatekey"}, ending: ".exe", program: Offline, command: "key generate", options: keyOptions(), word: application},
		{
			names: []string{"verifykeypackage"}, ending: ".py", program: Offline, command: "verify",
			options: []option{
				{names: []string{"-k"}, takes: true, today: "-k", as: packageFile},
				{names: []string{"-w"}, takes: true, today: "-w", as: packageFile},
			},
			finish: wholeNames,
		},
		{names: []string{"KeyTransferRemote"}, ending: ".exe", program: Offline, options: transferOptions(), finish: wholeTransfer},
		{names: []string{"preload"}, ending: ".exe", program: Offline, options: loadOptions(), word: loaded, finish: loadedAny},
		{names: []string{"aclprint"}, ending: ".py", program: Offline, command: "acl print"},
		{
			names: []string{"kmfile-dump"}, ending: ".exe", program: Offline, command: "kmfile dump",
			word: func(r *reading, word string) { r.files = append(r.files, keyFile(word)) },
		},
		{names: []string{"enquiry"}, ending: ".exe", program: Offline, command: "module list", options: []option{oneModule("--module", "-m")}},
		{names: []string{"nfkminfo"}, ending: ".exe", program: Offline, command: "world info", options: infoOptions(), word: listed},
		{names: []string{"nfkmcheck"}, ending: ".exe", program: Offline, command: "world check"},
		{names: []string{"racs"}, ending: ".exe", program: Offline, command: "world replace-cards", options: []option{oneModule("--module", "-m")}},
	}
}

func worldOptions() []option {
	const vendors = "that is a setting of the HSM, and its vendor's tools make it: leave it out"
	return []option{
		{names: []string{"--initialize", "-i"}, today: "--initialize"},
		{names: []string{"--program", "-l"}, command: "world recover"},
		never(false, "no step erases a module: its vendor's tools do", "--factory", "-e"),
		{names: []string{"--cipher-suite", "-c"}, takes: true, today: "--cipher-suite"},
		{names: []string{"--acs-quorum", "-Q"}, takes: true, today: "--acs-quorum"},
		oneModule("--module", "-m"),
		{
			names: []string{"--mode"}, takes: true, allows: []string{"fips-140-2-level-2", "unrestricted"}, why: vendors,
		},
		never(false, "every key has a backup that a quorum restores: leave it out", "--no-recovery"),
	}
}

// feature is a word behind the options of new-world, such as "nv".
func feature(r *reading, word string) {
	r.refuse(word, "a security world has no features to choose: leave it out")
}

func keyOptions() []option {
	list := []option{
		dropped("--generate", "-g"),
		dropped("--batch", "-b"),
		dropped("--verify"),
		dropped("--no-verify"),
		oneModule("--module", "-m"),
		never(true, noCardset, "--cardset"),
		never(true, noCardset, "--slot"),
		never(false, "a key whose value was ever outside an HSM cannot be taken: generate one", "--import"),
		never(false, oneKind, "--retarget"),
	}
	return append(list,
		parameter("type", "--type", kindOf),
		parameter("size", "--size", nil),
		parameter("curve", "--curve", nil),
		limited("protect", "--protect", "protect must be module: the BYOK toolset does not support OCS-protected keys", "module"),
		parameter("ident", "--ident", nil),
		parameter("plainname", "--plainname", nil),
		parameter("pubexp", "--pubexp", func(hex string) string { return "0x" + strings.TrimPrefix(strings.ToLower(hex), "0x") }),
		limited("nvram", "", "nvram must be no: a key in the HSM's memory cannot be transferred", "no"),
		limited("recovery", "", "every key has a backup that a quorum restores", "yes"),
		limited("verify", "", "", "yes", "no"),
		never(true, noCardset, "cardset="),
		never(true, noCardset, "slot="),
	)
}

// parameter is one of generatekey's, typed as NAME=VALUE.
func parameter(name, today string, as func(string) string) option {
	return option{names: []string{name + "="}, takes: true, today: today, as: as}
}

// limited is a parameter of which not every value can be had.
func limited(name, today, why string, allows ...string) option {
	return option{names: []string{name + "="}, takes: true, today: today, why: why, allows: allows}
}

// kindOf is a type of key as nShield calls it.
func kindOf(value string) string {
	if strings.EqualFold(value, "Rijndael") {
		return "AES"
	}
	return value
}

// application is the word "simple", behind generatekey's options.
func application(r *reading, word string) {
	if !strings.EqualFold(word, "simple") {
		r.refuse(word, oneKind)
	}
}

func transferOptions() []option {
	return []option{
		{names: []string{"-ModifyAcls"}, command: "acl modify"},
		{names: []string{"-Package"}, command: "package"},
		{names: []string{"-KeyAppName"}, takes: true, allows: []string{"simple"}, why: oneKind},
		{names: []string{"-KeyIdentifier"}, takes: true, today: "--ident"},
		{names: []string{"-ExchangeKeyPackage"}, takes: true, today: "-k", as: packageFile, instead: []string{"--kek"}},
		{names: []string{"-NewSecurityWorldPackage"}, takes: true, today: "-w", as: packageFile, instead: []string{"--world-package"}},
		{names: []string{"-SubscriptionId"}, takes: true, today: "--subscription-id"},
		{names: []string{"-KeyFriendlyName"}, takes: true, today: "--key-friendly-name"},
	}
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
		oneModule("--module", "-m"),
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
	switch name := plainName(word); {
	case name == "aclprint":
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
	if r.command != "key list" {
		r.refuse(word, "a key is shown with -k")
		return
	}
	if lowerL(word) == "xferacld" || strings.EqualFold(word, "simple") {
		return
	}
	r.command = "key show"
	r.say("--ident", word)
}
