package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/azure"
)

// signInFlags say which cloud, and who signs in how.
func signInFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name:  "auth",
			Usage: "`METHOD` of signing in: " + strings.Join(azure.Methods(), ", "),
			Value: azure.Methods()[0],
		},
		&cli.StringFlag{Name: "cloud", Usage: "`CLOUD` to sign in to: " + strings.Join(azure.CloudNames(), ", ")},
		&cli.StringFlag{Name: "tenant", Usage: "`ID` or domain of the directory"},
		&cli.StringFlag{Name: "client-id", Usage: "`ID` of the application or managed identity"},
		&cli.StringFlag{
			Name:  "client-secret-file",
			Usage: "`FILE` with the application's secret, for --auth client-secret",
		},
		&cli.StringFlag{
			Name:  "client-certificate",
			Usage: "`FILE` with the application's certificate and key, for --auth client-certificate",
		},
		&cli.StringFlag{Name: "client-certificate-password-file", Usage: "`FILE` with that file's password"},
		caFileFlag(),
		&cli.BoolFlag{
			Name:  "disable-instance-discovery",
			Usage: "for private clouds that login.microsoft.com does not know",
		},
		&cli.StringSliceFlag{
			Name:  "vault-suffix",
			Usage: "`SUFFIX` of a private cloud's vaults in DNS; AZURE_AUTHORITY_HOST says where to sign in",
		},
		&cli.BoolFlag{Name: "debug", Usage: "show the service's raw answer to a failure; never a token"},
	}
}

func rehearsalFlag() cli.Flag {
	return &cli.StringFlag{Name: "rehearsal", Usage: "`DIR` of a rehearsal vault, which gives URL, CA and token"}
}

func caFileFlag() *cli.StringFlag {
	return &cli.StringFlag{
		Name:  "ca-file",
		Usage: "`PEM` file of CAs to trust in addition to the system's, for inspected networks",
	}
}

// managerFlags are for commands that ask Azure Resource Manager.
func managerFlags() []cli.Flag {
	return append(signInFlags(),
		&cli.StringFlag{Name: "resource-manager", Usage: "`URL` of a private cloud's resource manager"})
}

// vaultFlags name the vault besides.
func vaultFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "vault", Usage: "`URL` of the vault or Managed HSM"},
		rehearsalFlag(),
		&cli.BoolFlag{
			Name: "test-vault",
			Usage: "accept any address, such as an emulator's or a standard vault's, and send it a vault token; " +
				"what it yields is marked and refused in production",
		},
	}, signInFlags()...)
}

// changeFlags are for commands that change the vault.
func changeFlags() []cli.Flag {
	return append(vaultFlags(), &cli.BoolFlag{Name: "yes", Usage: "do not ask before changing the vault"})
}

// worldFlags are for commands that act on what a security world signed.
func worldFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name:  "hknso",
			Usage: "`WORDS` of the world's hknso as world create printed it, eight or more, or all 64 hex digits",
		},
		&cli.StringFlag{
			Name: "config",
			Usage: "`DIR` where the worlds that a person vouched for are kept " +
				"(default: byok in the user's configuration folder)",
			EnvVars: []string{"BYOK_CONFIG"},
		},
	}
}

// with puts a command's own options before those it shares.
func with(shared []cli.Flag, own ...cli.Flag) []cli.Flag { return slices.Concat(own, shared) }
