package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"byok/internal/base64url"
	"byok/internal/rehearsal"
	"byok/internal/specimen"
	"byok/internal/vault"
	"byok/internal/vault/endpoint"
)

// bench is a rehearsal vault in a process of its own, and a KEK in it.
type bench struct {
	program string
	dir     string
	server  *exec.Cmd
	log     *output
	open    *rehearsal.Client
	world   *specimen.World
	kek     specimen.KEK
}

// newBench starts a vault with a KEK of so many bits.
func newBench(program, dir string, bits int, serve ...string) (b *bench, err error) {
	b = &bench{program: program, dir: dir, log: &output{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil && b.server != nil {
			b.stop()
		}
	}()
	if err := b.start(serve); err != nil {
		return nil, err
	}
	if b.world, err = specimen.NewWorld(); err != nil {
		return nil, err
	}
	return b, b.makeKEK(bits)
}

func (b *bench) state() string { return filepath.Join(b.dir, "vault") }

// start runs the vault and waits until its log says that it answers.
func (b *bench) start(args []string) error {
	server := b.command(
		append([]string{"rehearsal", "serve", "--listen", "127.0.0.1:0", "--state", b.state()}, args...)...)
	server.Stderr = b.log
	if err := server.Start(); err != nil {
		return err
	}
	b.server = server
	for range 100 {
		if strings.Contains(b.log.String(), "give the other commands --rehearsal") {
			var err error
			b.open, err = rehearsal.Open(b.state())
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.New("the rehearsal vault did not start: " + b.log.String())
}

// stop ends the vault's process, and only that, and removes the world.
func (b *bench) stop() {
	if b.world != nil {
		_ = b.world.Close()
	}
	_ = b.server.Process.Kill()
	_ = b.server.Wait()
}

func (b *bench) command(args ...string) *exec.Cmd {
	return exec.Command(b.program, append(args, "--kmdata", filepath.Join(b.dir, "kmdata"))...)
}

func (b *bench) makeKEK(bits int) error {
	address, err := endpoint.Parse(b.open.URL, endpoint.Allow{Rehearsal: true})
	if err != nil {
		return err
	}
	client, err := vault.New(address, b.open.Credential(), vault.Options{HTTP: b.open.HTTP()})
	if err != nil {
		return err
	}
	key, err := client.CreateKEK(context.Background(), "KEKforBYOK", bits, time.Now().Add(time.Hour))
	if err != nil {
		return err
	}
	b.kek = specimen.KEK{ID: key.ID, Public: key.PublicKey.(*rsa.PublicKey), Rehearsal: true}
	return nil
}

// packages makes n packages of EC keys in a folder of that name.
func (b *bench) packages(name string, n int) (string, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	for i := range n {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return "", err
		}
		p, err := b.world.Package(b.kek, fmt.Sprintf("%s-%04d", name, i), key)
		if err != nil {
			return "", err
		}
		if _, err := specimen.Write(dir, p); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func (b *bench) upload(dir string, args ...string) (usage, error) {
	hknso, err := b.world.HKNSO(true)
	if err != nil {
		return usage{}, err
	}
	cmd := b.command(append([]string{
		"upload", dir, "--rehearsal", b.state(), "--yes",
		"--hknso", hknso.String(), "--config", filepath.Join(b.dir, "config"),
	}, args...)...)
	return measured(cmd)
}

// bare is what the vault itself needs: the packages of dir, already in memory, are
// sent under other names over as many connections as the program uses, with no
// question before or after.
func (b *bench) bare(ctx context.Context, dir, name string) (time.Duration, error) {
	bodies, err := bodiesOf(dir)
	if err != nil {
		return 0, err
	}
	client, queue := b.open.HTTP(), make(chan int)
	failed := make(chan error, connections)
	start := time.Now()
	for range connections {
		go func() {
			var first error
			for i := range queue {
				if err := b.put(ctx, client, fmt.Sprintf("%s-%04d", name, i), bodies[i]); first == nil {
					first = err
				}
			}
			failed <- first
		}()
	}
	for i := range bodies {
		queue <- i
	}
	close(queue)
	var all []error
	for range connections {
		all = append(all, <-failed)
	}
	return time.Since(start), errors.Join(all...)
}

// connections is how many requests the program has under way.
const connections = 4

// bodiesOf are the imports of the packages of a folder.
func bodiesOf(dir string) (bodies [][]byte, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.byok"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		blob, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		body, err := json.Marshal(map[string]any{"key": map[string]any{
			"kty": "EC-HSM", "crv": "P-256", "key_ops": []string{"sign", "verify"},
			"key_hsm": base64url.Encode(blob)}})
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, body)
	}
	return bodies, nil
}

func (b *bench) put(ctx context.Context, client *http.Client, name string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, b.open.URL+"/keys/"+name+"?api-version=7.6",
		bytes.NewReader(body))
	if err != nil {
		return err
	}
	token, err := b.open.Credential().GetToken(ctx, policy.TokenRequestOptions{})
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token.Token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, answer)
	}
	return err
}

// throttled counts the answers 429 in the vault's log.
func (b *bench) throttled() int { return strings.Count(b.log.String(), " 429") }

// output keeps what a process says.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

// String returns what was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}
