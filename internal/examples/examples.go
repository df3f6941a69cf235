// Package examples holds a worked line of each command of both programs, for
// --help and the manual pages. A test runs each line as far as a command line
// is checked, so that no example names what is not there.
package examples

// Offline returns a line of each command of byok-offline, by the command.
func Offline() map[string]string {
	return map[string]string{
		"module list":       "byok-offline module list --module-path " + library,
		"module check":      "byok-offline module check --module-path " + library,
		"module accept":     "byok-offline module accept --module-path " + library + cards,
		"module strike-off": "byok-offline module strike-off --module 6d0c… --reason 'lost in a fire'" + cards,
		"world create": "byok-offline world create --module-path " + library + " --acs-quorum 2/3" + cards +
			" --card /media/c",
		"world info":          "byok-offline world info",
		"world check":         "byok-offline world check" + cards,
		"world recover":       "byok-offline world recover --module-path " + library + cards,
		"world replace-cards": "byok-offline world replace-cards" + cards + newCards,
		"world backup":        "byok-offline world backup /media/copy/kmdata-2026-11-26",
		"world reset-pin":     "byok-offline world reset-pin" + cards,
		"world change-pin":    "byok-offline world change-pin",
		"toolset install":     "byok-offline toolset install --to tools KeyVault-BYOK-Tools-CONTOSO.zip",
		"verify":              "byok-offline verify" + packages,
		"key generate":        "byok-offline key generate --ident contosokey --type RSA --size 2048" + cards,
		"key list":            "byok-offline key list",
		"key show":            "byok-offline key show --ident contosokey",
		"key restore":         "byok-offline key restore --all" + cards,
		"key retire":          "byok-offline key retire --ident contosokey",
		"key freeze":          "byok-offline key freeze --ident contosokey" + cards,
		"acl modify":          "byok-offline acl modify --ident contosokey --key-friendly-name ContosoKey" + packages + cards,
		"acl print":           "byok-offline acl print --ident contosokey --app simple",
		"package": "byok-offline package --ident contosokey --out /media/usb" +
			` --subscription-id "$SUBSCRIPTION"`,
		"card passphrase":  "byok-offline card passphrase --card /media/a",
		"kmfile dump":      "byok-offline kmfile dump kmdata/local/world",
		"confine status":   "byok-offline confine status",
		"inspect":          "byok-offline inspect KeyTransferPackage-ContosoKey.byok",
		"fingerprint":      "byok-offline fingerprint KeyVault-BYOK-Tools-CONTOSO.zip",
		"kit write":        "byok-offline kit write --to /media/usb/back /media/usb/packages",
		"kit verify":       "byok-offline kit verify kit",
		"ceremony log":     "byok-offline ceremony log",
		"ceremony verify":  "byok-offline ceremony verify",
		"ceremony seal":    "byok-offline ceremony seal",
		"ceremony new":     "byok-offline ceremony new plan.yaml",
		"ceremony check":   "byok-offline ceremony check plan.yaml",
		"ceremony dry-run": "byok-offline ceremony dry-run --plan plan.yaml --out dry-run.txt",
		"ceremony script":  "byok-offline ceremony script --out book.html plan.yaml",
		"ceremony run":     "byok-offline ceremony run --plan plan.yaml",
		"ceremony attest":  "byok-offline ceremony attest --plan plan.yaml --step arrive",
		"ceremony report":  "byok-offline ceremony report --out report.html bundle",
		"ceremony bundle":  "byok-offline ceremony bundle --plan plan.yaml --from /media/usb --out /media/usb/bundle",
		"help":             "byok-offline help key generate",
		"version":          "byok-offline version",
		"completion":       "byok-offline completion bash",
		"manual":           "byok-offline manual key generate",
	}
}

const (
	library  = "/usr/lib/softhsm/libsofthsm2.so"
	cards    = " --card /media/a --card /media/b"
	newCards = " --acs-quorum 2/3 --new-card /media/c --new-card /media/d --new-card /media/e"
	packages = " -k BYOK-KEK-pkg-CONTOSO-1 -w BYOK-SecurityWorld-pkg-CONTOSO-1"
	vault    = " --vault https://contoso.vault.azure.net"
	transfer = "KeyTransferPackage-ContosoKey"
)

// Online returns a line of each command of byok-online, by the command.
func Online() map[string]string {
	return map[string]string{
		"login":             "byok-online login --auth cli",
		"subscription list": "byok-online subscription list --auth cli",
		"vault list":        `byok-online vault list --subscription-id "$SUBSCRIPTION"`,
		"kek create":        "byok-online kek create --name KEKforBYOK" + vault,
		"kek show":          "byok-online kek show --name KEKforBYOK" + vault,
		"kek delete":        "byok-online kek delete --name KEKforBYOK" + vault,
		"toolset list":      "byok-online toolset list --region Europe",
		"toolset download":  "byok-online toolset download --region Europe --from ~/Downloads",
		"toolset verify":    "byok-online toolset verify KeyVault-BYOK-Tools-Europe.zip",
		"toolset build":     "byok-online toolset build --kek KEKforBYOK --suffix CONTOSO --out /media/usb" + vault,
		"upload":            "byok-online upload " + transfer + ".byok" + vault,
		"verify":            "byok-online verify --manifest KeyTransferPackage-*.manifest.json" + vault,
		"rehearsal serve":   "byok-online rehearsal serve --state rehearsal --listen 127.0.0.1:0",
		"rehearsal faults":  "byok-online rehearsal faults --state rehearsal --clear",
		"inspect":           "byok-online inspect " + transfer + ".byok",
		"fingerprint":       "byok-online fingerprint KeyVault-BYOK-Tools-CONTOSO.zip",
		"kit write":         "byok-online kit write --to /media/usb/kit --release release --plan plan.yaml",
		"kit verify":        "byok-online kit verify back",
		"ceremony log":      "byok-online ceremony log",
		"ceremony verify":   "byok-online ceremony verify",
		"ceremony new":      "byok-online ceremony new plan.yaml",
		"ceremony check":    "byok-online ceremony check plan.yaml",
		"ceremony dry-run":  "byok-online ceremony dry-run --plan plan.yaml --out dry-run.txt",
		"ceremony script":   "byok-online ceremony script --out book.html plan.yaml",
		"ceremony run":      "byok-online ceremony run --plan plan.yaml",
		"ceremony attest":   "byok-online ceremony attest --plan plan.yaml --step kek:contoso",
		"ceremony report":   "byok-online ceremony report --out report.html bundle",
		"audit":             "byok-online audit bundle",
		"plan simulate":     "byok-online plan simulate --vaults 100 --keys 1000 --subscriptions 5",
		"help":              "byok-online help upload",
		"version":           "byok-online version",
		"completion":        "byok-online completion zsh",
		"manual":            "byok-online manual upload",
	}
}
