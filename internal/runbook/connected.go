package runbook

import "strings"

// connected are the cmdlets of the connected workstation.
func connected() []tool {
	return []tool{
		{
			names: []string{
				"Connect-AzAccount", "Login-AzAccount", "Add-AzAccount", "Connect-AzureRmAccount", "Login-AzureRmAccount",
			},
			program: Online,
			command: "login",
			options: signInOptions(),
		},
		{
			names:   []string{"Get-AzSubscription", "Get-AzureRmSubscription"},
			program: Online,
			command: "subscription list",
			options: []option{
				{names: []string{"-TenantId"}, takes: true, today: "--tenant"},
				never(true, "all subscriptions of the account are listed: leave it out", "-SubscriptionId", "-SubscriptionName"),
			},
		},
		{
			names:   []string{"Get-FileHash"},
			program: Online,
			command: "toolset verify",
			word:    func(r *reading, word string) { r.files = append(r.files, file(word)) },
			options: []option{
				{names: []string{"-Path", "-LiteralPath"}, takes: true, as: file},
				{names: []string{"-Algorithm"}, takes: true, allows: []string{"SHA256"}, why: "the published hashes are SHA-256"},
			},
		},
		{
			names:   []string{"Add-AzKeyVaultKey", "Add-AzureKeyVaultKey"},
			program: Online,
			command: "upload",
			options: uploadOptions(),
		},
	}
}

func signInOptions() []option {
	const kept = "no subscription is kept between commands: those that need one take --subscription-id"
	return []option{
		{names: []string{"-Tenant", "-TenantId", "-Domain"}, takes: true, today: "--tenant"},
		{names: []string{"-Environment", "-EnvironmentName"}, takes: true, today: "--cloud"},
		{names: []string{"-AccountId", "-ApplicationId"}, takes: true, today: "--client-id"},
		{names: []string{"-UseDeviceAuthentication", "-DeviceCode"}, today: "--auth=device-code"},
		{names: []string{"-Identity"}, today: "--auth=managed-identity"},
		never(true, kept, "-Subscription", "-SubscriptionId", "-SubscriptionName"),
		never(true, "a password has no place in a command line: sign in with --auth", "-Credential", "-AccessToken"),
		never(false, "an application signs in with --auth client-secret or client-certificate", "-ServicePrincipal"),
	}
}

func uploadOptions() []option {
	return []option{
		vaultIn(".vault.azure.net", "-VaultName"),
		vaultIn(".managedhsm.azure.net", "-HsmName"),
		{names: []string{"-Name", "-KeyName"}, takes: true, today: "--name"},
		{names: []string{"-KeyFilePath"}, takes: true, as: file},
		{
			names:  []string{"-Destination"},
			takes:  true,
			allows: []string{"HSM"},
			why:    "the key stays in HSMs: the destination is HSM",
		},
		{names: []string{"-KeyOps"}, takes: true, today: "--ops"},
		{names: []string{"-Expires"}, takes: true, today: "--expires"},
		{names: []string{"-NotBefore"}, takes: true, today: "--not-before"},
		{names: []string{"-Disable"}, today: "--disabled"},
		{names: []string{"-Exportable"}, today: "--exportable"},
		{names: []string{"-ReleasePolicyPath"}, takes: true, today: "--release-policy", as: file},
		never(true, "a key in a file is not protected by an HSM: only transfer packages are uploaded", "-KeyFilePassword"),
		never(true, "the key's kind is in the package: leave it out", "-KeyType", "-Size", "-CurveName"),
	}
}

// vaultIn is a vault that is named without its domain. A rehearsal's folder names
// another one.
func vaultIn(domain, name string) option {
	return option{
		names:   []string{name},
		takes:   true,
		today:   "--vault",
		as:      func(vault string) string { return "https://" + strings.ToLower(vault) + domain },
		instead: []string{"--rehearsal"},
	}
}
