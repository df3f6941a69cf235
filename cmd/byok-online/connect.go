package main

import (
	"math"
	"net/http"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/rehearsal"
	"byok/internal/term"
	"byok/internal/vault"
)

// signInFlags say which cloud, and who signs in how.
func signInFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "auth", Usage: "`METHOD` to sign in: " + strings.Join(azure.Methods(), ", "), Value: azure.Methods()[0]},
		&cli.StringFlag{Name: "cloud", Usage: "`CLOUD`: " + strings.Join(azure.CloudNames(), ", ")},
		&cli.StringFlag{Name: "tenant", Usage: "`ID` or domain of the directory"},
		&cli.StringFlag{Name: "client-id", Usage: "`ID` of the application or managed identity"},
		&cli.StringFlag{Name: "client-secret-file", Usage: "`FILE` with the application's secret, for --auth client-secret"},
		&cli.StringFlag{Name: "client-certificate", Usage: "`FILE` with the application's certificate and key, for --auth client-certificate"},
		&cli.StringFlag{Name: "client-certificate-password-file", Usage: "`FILE` with that file's password"},
		&cli.StringFlag{Name: "ca-file", Usage: "`PEM` of authorities to trust beside the system's, for inspected networks"},
		&cli.BoolFlag{Name: "disable-instance-discovery", Usage: "for private clouds that login.microsoft.com does not know"},
		&cli.StringSliceFlag{Name: "vault-suffix", Usage: "DNS `SUFFIX` of a private cloud's vaults; AZURE_AUTHORITY_HOST says where one signs in"},
		&cli.BoolFlag{Name: "debug", Usage: "show the service's raw answer to a failure; never a token"},
	}
}

// vaultFlags name the vault besides.
func vaultFlags() []cli.Flag {
	return append(signInFlags(),
		&cli.StringFlag{Name: "vault", Usage: "`URL` of the vault or Managed HSM"},
		&cli.BoolFlag{Name: "test-vault", Usage: "accept a vault without HSM-backed keys: an emulator or a standard vault"},
		&cli.StringFlag{Name: "rehearsal", Usage: "`DIR` of a rehearsal vault, which gives URL, CA and token"},
	)
}

// changeFlags are for commands that change the vault.
func changeFlags() []cli.Flag {
	return append(vaultFlags(), &cli.BoolFlag{Name: "yes", Usage: "do not ask before changing the vault"})
}

// account is who this program is in Azure.
type account struct {
	cred   *azure.Observed
	cloud  azure.Cloud
	http   *http.Client
	method string // of signing in
	tenant string // asked for, or ""
}

// signIn reads the sign-in flags. It connects nowhere.
func signIn(r *command.Run) (account, error) {
	c, err := azure.FindCloud(r.String("cloud"), azure.CloudOptions{
		AuthorityHost: os.Getenv("AZURE_AUTHORITY_HOST"), ResourceManager: r.String("resource-manager"), VaultSuffixes: r.StringSlice("vault-suffix"),
	})
	if err != nil {
		return account{}, err
	}
	client, err := azure.Network{CAFile: r.String("ca-file")}.Client()
	if err != nil {
		return account{}, err
	}
	o := azure.CredentialOptions{
		Method: r.String("auth"), Cloud: c, Tenant: r.String("tenant"), ClientID: r.String("client-id"), CertificateFile: r.String("client-certificate"),
		HTTP: client, DisableInstanceDiscovery: r.Bool("disable-instance-discovery"), Getenv: os.Getenv,
		Prompt: func(text string) { r.Console.Say("%s", text) },
	}
	if err := readSignInSecrets(r, &o); err != nil {
		return account{}, err
	}
	cred, err := azure.NewCredential(o)
	if err != nil {
		return account{}, err
	}
	return account{azure.Observe(cred, c), c, client, o.Method, o.Tenant}, nil
}

// readSignInSecrets reads the files that belong to the method. A file for
// another one is a mistake that would otherwise pass in silence.
func readSignInSecrets(r *command.Run, o *azure.CredentialOptions) (err error) {
	for _, flag := range []string{"client-secret-file", "client-certificate", "client-certificate-password-file"} {
		if r.IsSet(flag) && !strings.HasPrefix(flag+"-", o.Method+"-") {
			return exitcode.Errorf(exitcode.Usage, "--%s does not go with --auth %s", flag, o.Method)
		}
	}
	if path := r.String("client-secret-file"); path != "" {
		if o.ClientSecret, err = term.SecretFile(path); err != nil {
			return err
		}
	}
	if path := r.String("client-certificate-password-file"); path != "" {
		o.CertificatePassword, err = term.SecretFile(path)
	}
	return err
}

// connection is an account at one vault.
type connection struct {
	account
	*vault.Client
	rehearsal *rehearsal.Client // nil outside rehearsals
}

// connect returns a client of the vault that the flags name.
func connect(r *command.Run) (*connection, error) {
	if dir := r.String("rehearsal"); dir != "" {
		return connectRehearsal(r, dir)
	}
	url, err := r.Required("vault")
	if err != nil {
		return nil, err
	}
	a, err := signIn(r)
	if err != nil {
		return nil, err
	}
	address, err := vault.ParseAddress(url, vault.Allow{Cloud: a.cloud, TestVault: r.Bool("test-vault")})
	if err != nil {
		return nil, err
	}
	return a.at(r, address)
}

func connectRehearsal(r *command.Run, dir string) (*connection, error) {
	for _, flag := range []string{"auth", "cloud", "tenant", "client-id", "client-secret-file", "client-certificate", "ca-file", "vault-suffix", "test-vault"} {
		if r.IsSet(flag) {
			return nil, exitcode.Errorf(exitcode.Usage, "--%s does not go with --rehearsal, which brings vault, CA and token", flag)
		}
	}
	rc, err := rehearsal.Open(dir)
	if err != nil {
		return nil, err
	}
	url := r.String("vault")
	if url == "" {
		url = rc.URL
	}
	if url != rc.URL {
		return nil, exitcode.Errorf(exitcode.Refused, "--vault %s is not the rehearsal vault of %s, which is %s", url, dir, rc.URL)
	}
	address, err := vault.ParseAddress(url, vault.Allow{Rehearsal: true})
	if err != nil {
		return nil, err
	}
	r.Console.Warning("REHEARSAL vault: nothing it holds or proves counts in production")
	r.Event.Rehearsal = true
	none := azure.Cloud{Name: "Rehearsal"}
	a := account{cred: azure.Observe(rc.Credential(), none), http: rc.HTTP(), cloud: none, method: "the rehearsal's own token", tenant: rc.Tenant}
	c, err := a.at(r, address)
	if err != nil {
		return nil, err
	}
	c.rehearsal = rc
	return c, nil
}

func (a account) at(r *command.Run, address vault.Address) (*connection, error) {
	rate, err := keyRate(r)
	if err != nil {
		return nil, err
	}
	client, err := vault.New(address, a.cred, vault.Options{HTTP: a.http, Rate: rate, Say: r.Console.Say})
	if err != nil {
		return nil, err
	}
	r.Event.AddNote("vault", address.String())
	return &connection{account: a, Client: client}, nil
}

// keyRate reads --rate, where 0 is no limit; vault.Options has it otherwise.
func keyRate(r *command.Run) (float64, error) {
	switch rate := r.Float64("rate"); {
	case !r.IsSet("rate"):
		return vault.DefaultRate, nil
	case rate < 0 || math.IsNaN(rate):
		return 0, exitcode.Errorf(exitcode.Usage, "--rate %v: a number of keys in ten seconds is expected, or 0 for no limit", rate)
	case rate == 0:
		return -1, nil
	default:
		return rate, nil
	}
}
