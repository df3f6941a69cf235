package runbook

import (
	"os"
	"slices"
	"strings"
	"testing"

	"byok/internal/exitcode"
)

// said is a line as one text: the program, its words, or the error and its hint.
func text(words ...string) string {
	l, old := Translate(words)
	if !old {
		return "no old line"
	}
	s := strings.Join(append([]string{l.Program}, l.Words...), " ")
	if l.Err == nil {
		return s
	}
	if code := exitcode.Of(l.Err); code != exitcode.Usage {
		return code.Meaning()
	}
	if hint := exitcode.HintOf(l.Err); hint != "" {
		s = hint
	}
	return l.Err.Error() + " | " + s
}

// TestTranslate: each tool, each of its options, each way to type one.
func TestTranslate(t *testing.T) {
	const generate = "byok-offline key generate"
	for _, c := range []struct {
		name  string
		words string // separated by blanks
		want  string
	}{
		{"a world", "new-world.exe --initialize --cipher-suite=DLf3072s256mRijndael --module=1 --acs-quorum=2/3",
			"byok-offline world create --initialize --cipher-suite DLf3072s256mRijndael --acs-quorum 2/3"},
		{"in short", "new-world -i -c DLf1024s160mRijndael -m 1 -Q 2/3 --card a --module=2",
			"byok-offline world create --initialize --cipher-suite DLf1024s160mRijndael --acs-quorum 2/3 --card a --module=2"},
		{"another module", "new-world --program -m1 --card a", "byok-offline world recover --card a"},
		{"the second module", "new-world -i --module=2", "new-world: --module 2: modules have no numbers here: name the token " +
			"after the line, with --token | byok-offline world create --initialize"},
		{"a feature", "new-world -i nv", "new-world: nv: a security world has no features to choose: leave it out | " +
			"byok-offline world create --initialize"},
		{"a mode", "new-world -i --mode=fips-140-2-level-3", "new-world: --mode fips-140-2-level-3: that is a setting of the HSM, " +
			"and its vendor's tools make it: leave it out | byok-offline world create --initialize"},
		{"the usual mode", "new-world -i --mode fips-140-2-level-2", "byok-offline world create --initialize"},
		{"no value", "new-world --acs-quorum", "new-world: --acs-quorum needs a value | byok-offline world create --help"},
		{"help", "new-world -h", "byok-offline world create -h"},

		{"a key", "generatekey --generate simple type=RSA size=2048 protect=module ident=k plainname=p nvram=no pubexp=",
			generate + " --type RSA --size 2048 --protect module --ident k --plainname p"},
		{"another key", "generatekey -b -g -m1 simple", generate},
		{"an exponent", "generatekey simple ident=k pubexp=10001", generate + " --ident k --pubexp 0x10001"},
		{"an AES key", "generatekey simple ident=k TYPE=Rijndael size=256 recovery=yes", generate + " --ident k --type AES --size 256"},
		{"a card set protects it", "generatekey --generate simple protect=token ident=k", "generatekey: protect=token: protect must be " +
			"module: the BYOK toolset does not support OCS-protected keys | " + generate + " --ident k"},
		{"a softcard protects it", "generatekey simple protect=softcard ident=k", "generatekey: protect=softcard: protect must be " +
			"module: the BYOK toolset does not support OCS-protected keys | " + generate + " --ident k"},
		{"a card set", "generatekey --cardset=ops simple ident=k", "generatekey: --cardset: the BYOK toolset does not support " +
			"OCS-protected keys: leave it out | " + generate + " --ident k"},
		{"the first reason is said", "generatekey simple cardset=x nvram=yes", "generatekey: --cardset: the BYOK toolset does not " +
			"support OCS-protected keys: leave it out | " + generate},
		{"in the HSM's memory", "generatekey simple nvram=yes ident=k", "generatekey: nvram=yes: nvram must be no: a key in the HSM's " +
			"memory cannot be transferred | " + generate + " --ident k"},
		{"another application", "generatekey pkcs11 ident=k", "generatekey: pkcs11: only keys of application simple can be transferred | " +
			generate + " --ident k"},
		{"an unknown parameter", "generatekey simple colour=red", "generatekey: unknown option colour | " + generate + " --help"},
		{"an imported key", "generatekey --import simple", "generatekey: --import: a key whose value was ever outside an HSM cannot be " +
			"taken: generate one | " + generate},

		{"a KEK", `%nfast_home%\python\bin\python verifykeypackage.py -k BYOK-KEK-pkg-NA-1 -w BYOK-SecurityWorld-pkg-NA-1`,
			"byok-offline verify -k BYOK-KEK-pkg-NA-1 -w BYOK-SecurityWorld-pkg-NA-1"},
		{"of France", `python3 ..\verifykeypackage.py -k tools\BYOK-KEK-pkg-France-1 -w C:\tools\BYOK-SecurityWorld-pkg-France-1`,
			"byok-offline verify -k tools/BYOK-KEK-pkg-FRANCE-1 -w BYOK-SecurityWorld-pkg-FRANCE-1"},
		{"both cut short", "verifykeypackage.py -k BYOK-KEK-pkg-NA- -w BYOK-SecurityWorld-pkg-NA-", "verifykeypackage: -k " +
			"BYOK-KEK-pkg-NA-: the name is cut short: a number is missing at its end | byok-offline verify -k BYOK-KEK-pkg-NA- " +
			"-w BYOK-SecurityWorld-pkg-NA-"},
		{"one cut short", "verifykeypackage.py -k BYOK-KEK-pkg-NA -w BYOK-SecurityWorld-pkg-NA-2", "verifykeypackage: -k " +
			"BYOK-KEK-pkg-NA-: the name is cut short, as on the old page: BYOK-KEK-pkg-NA-2 is meant | byok-offline verify " +
			"-k BYOK-KEK-pkg-NA-2 -w BYOK-SecurityWorld-pkg-NA-2"},
		{"cut short, and given after", "verifykeypackage.py -k BYOK-KEK-pkg-NA -w x --kek y", "byok-offline verify -w x --kek y"},

		{"an approval", "keytransferremote -modifyacls -keyappname SIMPLE -keyidentifier k -exchangekeypackage K -newsecurityworldpackage W",
			"byok-offline acl modify --ident k -k K -w W"},
		{"a package", "KeyTransferRemote.exe -Package -KeyIdentifier k -ExchangeKeyPackage K -NewSecurityWorldPackage W -SubscriptionId " +
			"SubscriptionID -KeyFriendlyName N --subscription-id U",
			"byok-offline package --ident k -k K -w W --key-friendly-name N --subscription-id U"},
		{"neither", "KeyTransferRemote -KeyIdentifier k", "KeyTransferRemote: -ModifyAcls or -Package is missing | " +
			"byok-offline acl modify --help, or byok-offline package --help"},
		{"of another application", "KeyTransferRemote -ModifyAcls -KeyAppName pkcs11 -KeyIdentifier k", "KeyTransferRemote: -KeyAppName " +
			"pkcs11: only keys of application simple can be transferred | byok-offline acl modify --ident k"},

		{"permissions", `%nfast_home%\bin\preload.exe -m 1 -A xferacId -K k %nfast_home%\python\bin\python %nfast_home%\python\examples\aclprint.py`,
			"byok-offline acl print --app xferacld --ident k"},
		{"permissions of the key", "preload --appname=simple -K k aclprint.py --pin-file f",
			"byok-offline acl print --app simple --ident k --pin-file f"},
		{"another program", "preload -A simple -K k pause", "preload: pause: preload starts aclprint.py, and no other program: " +
			"keys are loaded by the command that uses them | byok-offline"},
		{"no program", "preload -A simple -K k", "preload: aclprint.py is missing: keys are loaded by the command that uses them | " +
			"byok-offline acl print --help"},
		{"a file", `%nfast_home%\bin\kmfile-dump.exe %NFAST_KMDATA%\local\key_xferacId_k`, "byok-offline kmfile dump key_xferacld_k"},
		{"another file", "kmfile-dump kmdata/local/key_simple_k", "byok-offline kmfile dump kmdata/local/key_simple_k"},
		{"the world file", `kmfile-dump C:\ProgramData\nCipher\local\world`, "byok-offline kmfile dump world"},

		{"the modules", "enquiry.exe -m 1 --module-path so", "byok-offline module list --module-path so"},
		{"the world", "nfkminfo", "byok-offline world info"},
		{"the keys", "nfkminfo -k", "byok-offline key list"},
		{"a key of them", "nfkminfo -k simple k", "byok-offline key show --ident k"},
		{"a key without -k", "nfkminfo simple", "nfkminfo: simple: a key is shown with -k | byok-offline world info"},
		{"card sets", "nfkminfo -c", "nfkminfo: --cardset-list: there are no operator card sets | byok-offline world info"},
		{"a check", "nfkmcheck", "byok-offline world check"},
		{"cards", "racs -m 1 --card a", "byok-offline world replace-cards --card a"},

		{"sign in", "Connect-AzAccount -TenantId:t -Environment AzureUSGovernment -UseDeviceAuthentication",
			"byok-online login --tenant t --cloud AzureUSGovernment --auth=device-code"},
		{"otherwise", "powershell -Command login-azaccount -UseDeviceAuthentication --auth=cli", "byok-online login --auth=cli"},
		{"a password is not repeated", "Connect-AzAccount -Credential hunter2", "Connect-AzAccount: -Credential: a password has no place in " +
			"a command line: sign in with --auth | byok-online login"},
		{"subscriptions", "Get-AzSubscription", "byok-online subscription list"},
		{"a hash", `cmd /c Get-FileHash .\a.zip b.zip -Algorithm sha256`, "byok-online toolset verify ./a.zip b.zip"},
		{"by its path", "Get-FileHash -Path a.zip", "byok-online toolset verify a.zip"},
		{"another hash", "Get-FileHash a.zip -Algorithm MD5", "Get-FileHash: -Algorithm MD5: the published hashes are SHA-256 | " +
			"byok-online toolset verify a.zip"},
		{"an upload", `Add-AzKeyVaultKey -VaultName ContosoHSM -Name N -KeyFilePath c:\N.byok -Destination HSM -Disable`,
			"byok-online upload --vault https://contosohsm.vault.azure.net --name N --disabled N.byok"},
		{"to a Managed HSM", "Add-AzKeyVaultKey -HsmName M -Name N -KeyFilePath N.byok", "byok-online upload --vault " +
			"https://m.managedhsm.azure.net --name N N.byok"},
		{"to a rehearsal", "Add-AzKeyVaultKey -VaultName V -Name N -KeyFilePath N.byok --rehearsal dir", "byok-online upload --name N N.byok " +
			"--rehearsal dir"},
		{"of software", "Add-AzKeyVaultKey -VaultName V -Name N -KeyFilePath N.byok -Destination Software", "Add-AzKeyVaultKey: " +
			"-Destination Software: the key stays in HSMs: the destination is HSM | byok-online upload --vault " +
			"https://v.vault.azure.net --name N N.byok"},
		{"another kind of option", "Add-AzKeyVaultKey -Pwd hunter2", "Add-AzKeyVaultKey: unknown option -Pwd | byok-online upload --help"},
		{"a switch that is off", "Add-AzKeyVaultKey -Exportable:$false", "Add-AzKeyVaultKey: -Exportable takes no value | " +
			"byok-online upload --help"},
		{"two steps in one", "KeyTransferRemote -ModifyAcls -KeyIdentifier k -Package", "KeyTransferRemote: -Package: -ModifyAcls is " +
			"another step: give each a line of its own | byok-offline acl modify --ident k"},
		{"where no command is known", "KeyTransferRemote -Pack x", "KeyTransferRemote: unknown option -Pack | byok-offline --help"},

		{"nothing does it", "createocs -m1", "createocs: there are no operator cards: keys are protected by the module, and approved " +
			"by administrator cards | byok-offline key generate --help"},
		{"today's", "world create", "no old line"},
		{"an interpreter alone", "python", "no old line"},
		{"nothing", "", "no old line"},
	} {
		if got := text(strings.Fields(c.words)...); got != c.want {
			t.Errorf("%s: %s\n got %s\nwant %s", c.name, c.words, got, c.want)
		}
	}
}

// TestWords: a program that is called by an old name, through a link.
func TestWords(t *testing.T) {
	for called, want := range map[string]string{
		"/usr/bin/new-world.exe -i":              "/usr/bin/new-world.exe -i",
		"Get-FileHash a":                         "Get-FileHash a",
		"bin/byok-offline new-world":             "new-world",
		"/opt/new-world/byok-offline world info": "world info",
		"":                                       "",
	} {
		if got := strings.Join(Words(strings.Fields(called)), " "); got != want {
			t.Errorf("%q: %q, want %q", called, got, want)
		}
	}
}

// TestLinks: the Makefile makes a link of every name, and the tables are whole.
func TestLinks(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	made := func(variable string) []string {
		joined := strings.ReplaceAll(string(makefile), "\\\n", " ")
		_, rest, _ := strings.Cut(joined, "\n"+variable)
		line, _, _ := strings.Cut(rest, "\n")
		names := strings.Fields(strings.TrimLeft(line, " :="))
		slices.Sort(names)
		return names
	}
	var files []string
	for _, name := range made("OFFLINE_FILES") {
		files = append(files, strings.TrimSuffix(strings.TrimSuffix(name, ".exe"), ".py"))
	}
	for variable, names := range map[string][]string{
		"OFFLINE_NAMES": made("OFFLINE_NAMES"), "OFFLINE_FILES": files, "ONLINE_NAMES": made("ONLINE_NAMES"),
	} {
		program := Offline
		if variable == "ONLINE_NAMES" {
			program = Online
		}
		if want := namesOf(program); !slices.Equal(names, want) {
			t.Errorf("%s of the Makefile are\n%q\nnot\n%q", variable, names, want)
		}
	}
	for _, tool := range tools() {
		if (tool.why == "") != (tool.next == "") || (tool.why == "") != (tool.program != "") {
			t.Errorf("%q", tool.names)
		}
	}
}

// namesOf are the names of the tools that a program does the work of.
func namesOf(program string) (names []string) {
	for _, t := range tools() {
		if t.program == program {
			names = append(names, t.names...)
		}
	}
	slices.Sort(names)
	return names
}

// TestPlaces names both workstations.
func TestPlaces(t *testing.T) {
	for line, want := range map[string]string{"enquiry": "the disconnected workstation", "Get-AzSubscription": "the connected workstation"} {
		if l, _ := Translate([]string{line}); l.Place() != want {
			t.Errorf("%s: %s", line, l.Place())
		}
	}
}
