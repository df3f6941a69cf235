package cards

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestRecoveryByHand is the recovery that the documentation describes: the age
// tool opens two cards of the fixed world, recover.py does the rest.
func TestRecoveryByHand(t *testing.T) {
	args := []string{"../../docs/recover.py"}
	for _, n := range []int{1, 3} {
		name := fmt.Sprintf("card%d", n)
		text := ageDecrypt(t, "testdata/world/"+name+".age", fmt.Sprintf("passphrase of card %d", n))
		if !bytes.Equal(text, read(t, "../quorum/testdata/world/"+name+".json")) {
			t.Fatalf("age opens %s.age as %q", name, text)
		}
		opened := filepath.Join(t.TempDir(), name)
		put(t, opened, string(text))
		args = append(args, opened)
	}
	out, err := exec.Command("python3", append(args, "0123456789abcdef0123456789abcdef")...).CombinedOutput()
	if want := string(read(t, "../quorum/testdata/world/recovered.txt")); err != nil || string(out) != want {
		t.Errorf("recover.py says\n%swant\n%s(%v)", out, want, err)
	}
}

// TestAgeOpensADealtCard types the drawn words as they were shown.
func TestAgeOpensADealtCard(t *testing.T) {
	made, p := issue(t, 1, 2), &person{tries: 1, answers: []answer{{text: "same"}, {text: "päss  Phrase", own: true}}}
	media := Folders(dirs(t, 2))
	if _, err := Deal(made, "Contoso", media, testWork, p); err != nil {
		t.Fatal(err)
	}
	for i, passphrase := range []string{p.drawn[0], "päss  Phrase"} {
		text, err := made.Cards[i].Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got := ageDecrypt(t, filepath.Join(media[i].String(), CardFile), passphrase); string(got) != text.Text() {
			t.Errorf("age opens card %d as %q", i+1, got)
		}
	}
}

// ageDecrypt opens a file with the age tool, which takes passphrases from its
// controlling terminal and from nowhere else.
func ageDecrypt(t *testing.T, path, passphrase string) []byte {
	t.Helper()
	tool, err := exec.LookPath("age")
	if err != nil {
		t.Fatal("age judges this package: apt-get install age")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, "--decrypt", path)
	var out bytes.Buffer
	cmd.Stdout = &out
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	said := typeLine(tty, "passphrase", passphrase)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("age: %v: %s", err, said)
	}
	return out.Bytes()
}

// typeLine types one line once the prompt is there, and returns all that the
// terminal showed.
func typeLine(tty io.ReadWriter, prompt, line string) string {
	var said strings.Builder
	buf := make([]byte, 1024)
	for answered := false; ; {
		n, err := tty.Read(buf)
		said.Write(buf[:n])
		if !answered && strings.Contains(said.String(), prompt) {
			answered = true
			_, _ = io.WriteString(tty, line+"\n")
		}
		if err != nil { // EIO: the other side is closed
			return said.String()
		}
	}
}
