package main

import (
	"net/http"
	"os"
	"strings"
	"sync"

	"byok/internal/azure"
	"byok/internal/command"
	"byok/internal/exitcode"
	"byok/internal/rehearsal"
	"byok/internal/term"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

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
		AuthorityHost:   os.Getenv("AZURE_AUTHORITY_HOST"),
		ResourceManager: r.String("resource-manager"),
		VaultSuffixes:   r.StringSlice("vault-suffix"),
	})
	if err != nil {
		return account{}, err
	}
	client, err := azure.Network{CAFile: r.String("ca-file")}.Client()
	if err != nil {
		return account{}, err
	}
	o := azure.CredentialOptions{
		Method:                   r.String("auth"),
		Cloud:                    c,
		Tenant:                   r.String("tenant"),
		ClientID:                 r.String("client-id"),
		CertificateFile:          r.String("client-certificate"),
		HTTP:                     client,
		DisableInstanceDiscovery: r.Bool("disable-instance-discovery"),
		Getenv:                   os.Getenv,
		Prompt:                   func(text string) { r.Console.Say("%s", text) },
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
			return exitcode.Errorf(exitcode.Usage, "--%s cannot be used with --auth %s", flag, o.Method)
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

// connect returns a client of the vault that the flags name, at the rate that
// the service documents.
func connect(r *command.Run) (*connection, error) {
	if dir := r.String("rehearsal"); dir != "" {
		return connectRehearsal(r, dir, vault.ServiceRate)
	}
	return connectVault(r)
}

// connectVault returns a client of the vault of --vault.
func connectVault(r *command.Run) (*connection, error) {
	url, err := r.Required("vault")
	if err != nil {
		return nil, err
	}
	a, err := signIn(r)
	if err != nil {
		return nil, err
	}
	return a.to(r, url, vault.ServiceRate)
}

// to returns a client of the vault with an address.
func (a account) to(r *command.Run, url string, rate float64) (*connection, error) {
	address, err := endpoint.Parse(url, endpoint.Allow{Cloud: a.cloud, TestVault: r.Bool("test-vault")})
	if err != nil {
		return nil, err
	}
	if r.Bool("test-vault") {
		r.Console.Warning("TEST vault %v: it gets a token that the account's vaults accept; "+
			"nothing it holds or proves counts in production", address)
	}
	return a.at(r, address, rate)
}

// connectOnly is connect where --rehearsal may be given several times, of which a
// single key takes one.
func connectOnly(r *command.Run) (*connection, error) {
	switch dirs := r.StringSlice("rehearsal"); len(dirs) {
	case 0:
		return connectVault(r)
	case 1:
		return connectRehearsal(r, dirs[0], vault.ServiceRate)
	}
	return nil, exitcode.Errorf(exitcode.Usage, "a key is in one vault: several --rehearsal are for --all")
}

// connectTo returns how to connect to a vault by its address: once, and with one
// sign-in for all.
func connectTo(r *command.Run) func(url string) (*vault.Client, error) {
	known := map[string]*vault.Client{}
	signedIn := sync.OnceValues(func() (account, error) { return signIn(r) })
	rehearsed := sync.OnceValue(func() error { return rehearse(r, known) })
	return func(url string) (*vault.Client, error) {
		practice := r.IsSet("rehearsal")
		if practice {
			if err := rehearsed(); err != nil {
				return nil, err
			}
		}
		if client, connected := known[url]; connected {
			return client, nil
		}
		if practice {
			return nil, exitcode.Errorf(exitcode.Refused, "%s is not a rehearsal vault of --rehearsal", url)
		}
		a, err := signedIn()
		if err != nil {
			return nil, err
		}
		client, err := clientOf(a.to(r, url, vault.ServiceRate))
		if err == nil {
			known[url] = client
		}
		return client, err
	}
}

// rehearse connects to every rehearsal vault.
func rehearse(r *command.Run, known map[string]*vault.Client) error {
	for _, dir := range r.StringSlice("rehearsal") {
		c, err := connectRehearsal(r, dir, vault.ServiceRate)
		if err != nil {
			return err
		}
		known[c.rehearsal.URL] = c.Client
	}
	return nil
}

// clientOf is the client of a connection.
func clientOf(c *connection, err error) (*vault.Client, error) {
	if err != nil {
		return nil, err
	}
	return c.Client, nil
}

// notInRehearsal are the options that a rehearsal vault's folder makes unnecessary.
var notInRehearsal = []string{
	"auth", "cloud", "tenant", "client-id", "client-secret-file", "client-certificate",
	"client-certificate-password-file", "ca-file", "disable-instance-discovery", "vault-suffix", "test-vault",
}

// openRehearsal reads the folder of a rehearsal vault that --rehearsal names.
func openRehearsal(r *command.Run, dir string) (*rehearsal.Client, error) {
	for _, flag := range notInRehearsal {
		if r.IsSet(flag) {
			return nil, exitcode.Errorf(exitcode.Usage,
				"--%s cannot be used with --rehearsal, which provides vault, CA and token", flag)
		}
	}
	return rehearsal.Open(dir)
}

func warnOfRehearsal(r *command.Run) {
	if !r.Event.Rehearsal { // said of the first of several
		r.Console.Warning("REHEARSAL vault: nothing it holds or proves counts in production")
	}
	r.Event.Rehearsal = true
}

func connectRehearsal(r *command.Run, dir string, rate float64) (*connection, error) {
	rc, err := openRehearsal(r, dir)
	if err != nil {
		return nil, err
	}
	if url := r.String("vault"); url != "" && url != rc.URL {
		return nil, exitcode.Errorf(exitcode.Refused,
			"--vault %s is not the rehearsal vault of %s, which is %s", url, dir, rc.URL)
	}
	address, err := endpoint.Parse(rc.URL, endpoint.Allow{Rehearsal: true})
	if err != nil {
		return nil, err
	}
	warnOfRehearsal(r)
	c, err := rehearsalAccount(rc).at(r, address, rate)
	if err != nil {
		return nil, err
	}
	c.rehearsal = rc
	return c, nil
}

func rehearsalAccount(rc *rehearsal.Client) account {
	none := azure.Cloud{Name: "Rehearsal"}
	return account{
		cred:   azure.Observe(rc.Credential(), none),
		http:   rc.HTTP(),
		cloud:  none,
		method: "the rehearsal's own token",
		tenant: rc.Tenant,
	}
}

func (a account) at(r *command.Run, address endpoint.Address, rate float64) (*connection, error) {
	client, err := vault.New(address, a.cred, vault.Options{HTTP: a.http, Rate: rate, Say: r.Console.Say})
	if err != nil {
		return nil, err
	}
	r.Event.AddNote("vault", address.String())
	return &connection{account: a, Client: client}, nil
}

// flag is the option that leads to the same vault again, for a hint.
func (c *connection) flag(r *command.Run) string {
	if c.rehearsal != nil {
		return "--rehearsal " + term.Quote(r.String("rehearsal"))
	}
	if c.Address().Test() {
		return "--test-vault --vault " + term.Quote(c.Address().String())
	}
	return "--vault " + term.Quote(c.Address().String())
}

// confirm says who is about to change what, and asks for a yes. Something was
// read from the vault before, so that the account is the one it knows.
func (c *connection) confirm(r *command.Run, what string) error {
	credential, tenant := c.identity()
	r.Console.Say("credential %s, tenant %s, vault %v", credential, tenant, c.Address())
	r.Event.AddNote("credential", credential)
	r.Event.AddNote("tenant", tenant)
	if r.Bool("yes") {
		return nil
	}
	if !r.Console.Interactive() {
		return exitcode.Errorf(exitcode.Refused, "%s in %v: no terminal to confirm on", what, c.Address()).
			Hint("pass --yes to proceed")
	}
	return r.Console.Confirm(what+" in "+c.Address().String()+"?", "yes")
}

// identity is the credential and the tenant in use, as the token names them
// where there is one.
func (c *connection) identity() (credential, tenant string) {
	credential, tenant = c.method, c.tenant
	if c.rehearsal == nil {
		credential += " in " + c.cloud.Name
	}
	if id, known := c.cred.Identity(); known {
		credential, tenant = c.method+" as "+id.Account+" in "+id.Cloud, id.Tenant
	}
	if tenant == "" {
		tenant = "the credential's own"
	}
	return credential, tenant
}
