package azure

import (
	"context"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"byok/internal/durable"
	"byok/internal/exitcode"
	"byok/internal/secret"
	"byok/internal/strictjson"
)

// Methods lists what --auth takes, the default first.
func Methods() []string {
	return []string{
		"default", "cli", "powershell", "azd", "browser", "device-code", "managed-identity", "workload-identity",
		"client-secret", "client-certificate", "environment", "azure-pipelines",
	}
}

// CredentialOptions says how to sign in. What a method needs and is not given
// comes from the variables the Azure SDKs share: AZURE_TENANT_ID,
// AZURE_CLIENT_ID, AZURE_CLIENT_CERTIFICATE_PATH, and in an Azure Pipelines
// job AZURESUBSCRIPTION_TENANT_ID, _CLIENT_ID, _SERVICE_CONNECTION_ID and
// SYSTEM_ACCESSTOKEN. "environment" and "workload-identity" read their own.
type CredentialOptions struct {
	Method   string // one of Methods; empty is "default"
	Cloud    Cloud
	Tenant   string // directory id or domain
	ClientID string // application, or user-assigned managed identity

	ClientSecret        *secret.Bytes // client-secret; must not be wiped while the credential is in use
	CertificateFile     string        // client-certificate: PEM or PKCS#12, with its private key
	CertificatePassword *secret.Bytes // client-certificate, where the file is encrypted

	HTTP                     *http.Client
	DisableInstanceDiscovery bool              // for clouds that login.microsoft.com does not know
	Prompt                   func(text string) // device-code: shows the page and the code
	Getenv                   func(string) string
}

// NewCredential returns the credential o names. It asks no one and connects
// nowhere yet; the first token does. A missing part is an error that names
// the flag and the variable, status Usage.
func NewCredential(o CredentialOptions) (azcore.TokenCredential, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Method == "" {
		o.Method = "default"
	}
	if !slices.Contains(Methods(), o.Method) {
		return nil, exitcode.Errorf(exitcode.Usage, "--auth %s: no such method", o.Method).
			Hint("--auth %s", strings.Join(Methods(), "|"))
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	if err := o.checkFiles(); err != nil {
		return nil, err
	}
	cred, err := o.build()
	if err != nil {
		return nil, Explain("--auth "+o.Method, exitcode.Mark(exitcode.Usage, err), time.Now())
	}
	return hiding{cred, o.ClientSecret}, nil
}

// complete fills in the environment and names what is still missing.
func (o *CredentialOptions) complete() error {
	tenant, client := "AZURE_TENANT_ID", "AZURE_CLIENT_ID"
	if o.Method == "azure-pipelines" {
		tenant, client = "AZURESUBSCRIPTION_TENANT_ID", "AZURESUBSCRIPTION_CLIENT_ID"
	}
	application := []string{"client-secret", "client-certificate", "azure-pipelines"}
	for _, part := range []struct {
		value          *string
		variable, flag string
		methods        []string // that cannot do without it
	}{
		{&o.Tenant, tenant, "--tenant", application},
		{&o.ClientID, client, "--client-id", application},
		{&o.CertificateFile, "AZURE_CLIENT_CERTIFICATE_PATH", "--client-certificate", []string{"client-certificate"}},
	} {
		if *part.value != "" || !slices.Contains(part.methods, o.Method) {
			continue
		}
		if *part.value = o.Getenv(part.variable); *part.value == "" {
			return exitcode.Errorf(exitcode.Usage, "--auth %s: neither %s nor %s is given", o.Method, part.flag,
				part.variable)
		}
	}
	if o.Method == "client-secret" && o.ClientSecret.Len() == 0 {
		return exitcode.Errorf(exitcode.Usage, "--auth client-secret: no secret is given").
			Hint("--client-secret-file FILE")
	}
	return nil
}

func (o CredentialOptions) build() (azcore.TokenCredential, error) {
	switch o.Method {
	case "cli":
		return azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: o.Tenant})
	case "powershell":
		return azidentity.NewAzurePowerShellCredential(
			&azidentity.AzurePowerShellCredentialOptions{TenantID: o.Tenant})
	case "azd":
		return azidentity.NewAzureDeveloperCLICredential(
			&azidentity.AzureDeveloperCLICredentialOptions{TenantID: o.Tenant})
	case "browser", "device-code":
		return o.user()
	case "managed-identity":
		return o.managedIdentity()
	case "client-secret", "client-certificate":
		return o.application()
	case "workload-identity", "azure-pipelines":
		return o.federated()
	case "environment":
		return azidentity.NewEnvironmentCredential(&azidentity.EnvironmentCredentialOptions{
			ClientOptions: o.client(), DisableInstanceDiscovery: o.DisableInstanceDiscovery})
	}
	return azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: o.client(), DisableInstanceDiscovery: o.DisableInstanceDiscovery, TenantID: o.Tenant})
}

// user signs a person in, with the Azure CLI's public application unless
// another is given.
func (o CredentialOptions) user() (azcore.TokenCredential, error) {
	if o.Method == "browser" {
		return azidentity.NewInteractiveBrowserCredential(&azidentity.InteractiveBrowserCredentialOptions{
			ClientOptions:            o.client(),
			ClientID:                 o.ClientID,
			TenantID:                 o.Tenant,
			DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		})
	}
	if o.Prompt == nil {
		return nil, exitcode.Errorf(exitcode.Usage, "no terminal to show the code on")
	}
	return azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions: o.client(), ClientID: o.ClientID, TenantID: o.Tenant,
		DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		UserPrompt: func(_ context.Context, m azidentity.DeviceCodeMessage) error {
			o.Prompt(m.Message)
			return nil
		}})
}

func (o CredentialOptions) managedIdentity() (azcore.TokenCredential, error) {
	options := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: o.client()}
	if o.ClientID != "" {
		options.ID = azidentity.ClientID(o.ClientID)
	}
	return azidentity.NewManagedIdentityCredential(options)
}

func (o CredentialOptions) application() (azcore.TokenCredential, error) {
	if o.Method == "client-secret" {
		return azidentity.NewClientSecretCredential(o.Tenant, o.ClientID, o.ClientSecret.Text(),
			&azidentity.ClientSecretCredentialOptions{
				ClientOptions:            o.client(),
				DisableInstanceDiscovery: o.DisableInstanceDiscovery,
			})
	}
	data, err := durable.ReadFile(o.CertificateFile, 1<<20)
	if err != nil {
		return nil, err
	}
	defer clear(data)
	if err := strictjson.CheckEncoding(data); err != nil {
		return nil, exitcode.Errorf(exitcode.Usage, "%s: %w", o.CertificateFile, err)
	}
	certs, key, err := azidentity.ParseCertificates(data, o.CertificatePassword.Reveal())
	if err != nil {
		// The parser's words could quote the file, which holds a private key.
		return nil, exitcode.Errorf(exitcode.Usage, "%s: no certificate with its private key, or a wrong password",
			o.CertificateFile).
			Hint("--client-certificate-password-file FILE")
	}
	return azidentity.NewClientCertificateCredential(o.Tenant, o.ClientID, certs, key,
		&azidentity.ClientCertificateCredentialOptions{
			ClientOptions:            o.client(),
			DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		})
}

func (o CredentialOptions) federated() (azcore.TokenCredential, error) {
	if o.Method == "workload-identity" {
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions:            o.client(),
			ClientID:                 o.ClientID,
			TenantID:                 o.Tenant,
			DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		})
	}
	connection, token := o.Getenv("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"), o.Getenv("SYSTEM_ACCESSTOKEN")
	if connection == "" || token == "" {
		return nil, exitcode.Errorf(exitcode.Usage,
			"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID and SYSTEM_ACCESSTOKEN are set only in an AzureCLI or "+
				"AzurePowerShell task that maps them")
	}
	return azidentity.NewAzurePipelinesCredential(o.Tenant, o.ClientID, connection, token,
		&azidentity.AzurePipelinesCredentialOptions{
			ClientOptions:            o.client(),
			DisableInstanceDiscovery: o.DisableInstanceDiscovery,
		})
}

func (o CredentialOptions) client() azcore.ClientOptions {
	options := clientOptions(o.Cloud, o.HTTP)
	if o.Method == "default" || o.Method == "managed-identity" {
		options.Retry = policy.RetryOptions{} // azidentity knows what a starting metadata service answers
	}
	return options
}

func clientOptions(c Cloud, h *http.Client) azcore.ClientOptions {
	options := azcore.ClientOptions{
		Cloud:     c.Config,
		Telemetry: policy.TelemetryOptions{ApplicationID: "byok-online"},
		Retry:     policy.RetryOptions{ShouldRetry: worthAnotherTry, MaxRetryDelay: 16 * time.Second},
	}
	if h != nil {
		options.Transport = h
	}
	return options
}
